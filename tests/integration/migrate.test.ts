/** The schema comes by migrations: from nothing, again without effect, and back. */
import { createDataSource, migrate } from '../../infra/mysql/data-source';
import { createDatabase } from '../../infra/mysql/migrate';
import { testServers, uniqueName } from '../support/servers';

const config = { MYSQL_URL: `${testServers().mysql}${uniqueName('test_')}`, MYSQL_POOL_SIZE: 2 };

test('When there is no database, then it is made with its tables; again changes nothing; and the way back is clean', async () => {
  await createDatabase(config);
  await createDatabase(config);
  const source = await createDataSource(config).initialize();
  const tables = async (): Promise<readonly { name: string; collation: string }[]> =>
    source.query(
      `SELECT table_name AS name, table_collation AS collation FROM information_schema.tables
       WHERE table_schema = DATABASE() ORDER BY table_name`,
    );
  try {
    await migrate(source);
    const first = await tables();
    expect(first.map(({ name }) => name)).toEqual(expect.arrayContaining(['gate', 'orders', 'payments', 'stock']));
    expect(new Set(first.map(({ collation }) => collation))).toEqual(new Set(['utf8mb4_unicode_ci']));
    await source.query("INSERT INTO leases (name, epoch, until) VALUES ('한글', 1, UTC_TIMESTAMP(3))");

    await migrate(source);
    expect(await tables()).toEqual(first);
    expect(await source.query('SELECT name FROM leases')).toEqual([{ name: '한글' }]);
    expect(await source.query('SELECT generation FROM gate')).toEqual([{ generation: 0 }]);

    for (const _each of source.migrations) await source.undoLastMigration();
    expect((await tables()).map(({ name }) => name)).toEqual(['migrations']);
  } finally {
    await source.query(`DROP DATABASE ${source.options.database ?? new URL(config.MYSQL_URL).pathname.slice(1)}`);
    await source.destroy();
  }
});

test('When the URL names no proper database, then it is refused before anything is sent', async () => {
  const odd = { MYSQL_URL: `${testServers().mysql}a-b;c` };
  await expect(createDatabase(odd)).rejects.toThrow(/not a database name/);
});
