/** The connection to MariaDB: `createDataSource` builds it, `migrate` brings the schema up to date. */
import 'reflect-metadata';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { ENTITIES } from './entities';
import { Initial1764000000001 } from './migrations/0001-initial';
import { RefundRefusals1764000000002 } from './migrations/0002-refund-refusals';
import { InboxAge1764000000003 } from './migrations/0003-inbox-age';
import { SessionEnds1764000000004 } from './migrations/0004-session-ends';

export interface MysqlConfig {
  /** mysql://user:password@host:port/database */
  readonly MYSQL_URL: string;
  readonly MYSQL_SOCKET?: string;
  readonly MYSQL_POOL_SIZE?: number;
}

/**
 * An unconnected data source; call `initialize()`. Times are UTC, whole numbers are numbers
 * (sums stay far below 2^53), and nothing is ever synchronised: the schema changes by migration only.
 */
export function createDataSource(config: MysqlConfig): DataSource {
  const options: DataSourceOptions = {
    type: 'mariadb',
    url: config.MYSQL_URL,
    ...(config.MYSQL_SOCKET ? { socketPath: config.MYSQL_SOCKET } : {}),
    timezone: 'Z',
    charset: 'utf8mb4_unicode_ci',
    supportBigNumbers: true,
    bigNumberStrings: false,
    poolSize: config.MYSQL_POOL_SIZE ?? 10,
    connectTimeout: 5_000,
    entities: ENTITIES,
    migrations: [Initial1764000000001, RefundRefusals1764000000002, InboxAge1764000000003, SessionEnds1764000000004],
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
  };
  return new DataSource(options);
}

/** Runs what migrations are missing; each commits by itself. Idempotent. */
export async function migrate(source: DataSource): Promise<void> {
  await source.runMigrations({ transaction: 'each' });
}
