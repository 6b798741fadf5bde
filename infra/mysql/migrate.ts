/** Entry: creates the database when it is missing, and runs the migrations that are. Safe to repeat. */
import { createConnection } from 'mysql2/promise';
import { readConfig } from '../process/config';
import { createDataSource, type MysqlConfig, migrate } from './data-source';

/** Creates the database that MYSQL_URL names, unless it is there. The account needs the right to. */
export async function createDatabase(config: MysqlConfig): Promise<void> {
  const url = new URL(config.MYSQL_URL);
  const name = decodeURIComponent(url.pathname.slice(1));
  if (!/^\w+$/.test(name)) throw new Error(`MYSQL_URL: "${name}" is not a database name of letters, digits and _`);
  url.pathname = '/';
  const connection = await createConnection({
    uri: url.href,
    ...(config.MYSQL_SOCKET ? { socketPath: config.MYSQL_SOCKET } : {}),
  });
  try {
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  } finally {
    await connection.end();
  }
}

async function main(): Promise<void> {
  const config = readConfig(['MYSQL_URL', 'MYSQL_SOCKET']);
  await createDatabase(config);
  const source = await createDataSource(config).initialize();
  try {
    await migrate(source);
  } finally {
    await source.destroy();
  }
}

if (require.main === module) {
  main().catch((error: unknown) => {
    process.stderr.write(`migrate: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
