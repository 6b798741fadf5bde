/** A database of its own per test file, with the current schema. */
import { createConnection } from 'mysql2/promise';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../../infra/mysql/data-source';
import { testServers, uniqueName } from './servers';

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly source: DataSource;
  destroy(): Promise<void>;
}

async function onServer(sql: string): Promise<void> {
  const connection = await createConnection({ uri: testServers().mysql });
  await connection.query(sql).finally(() => connection.end());
}

/** @param poolSize connections of its data source */
export async function createTestDatabase({
  poolSize = 10,
}: {
  readonly poolSize?: number;
} = {}): Promise<TestDatabase> {
  const name = uniqueName('test_');
  await onServer(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  const url = `${testServers().mysql}${name}`;
  const source = await createDataSource({ MYSQL_URL: url, MYSQL_POOL_SIZE: poolSize }).initialize();
  await migrate(source);
  return {
    name,
    url,
    source,
    async destroy() {
      if (source.isInitialized) await source.destroy();
      await onServer(`DROP DATABASE IF EXISTS ${name}`);
    },
  };
}
