/** The entities and the migrated schema are one and the same. */
import type { DataSource } from 'typeorm';
import { ENTITIES, REFERENCES } from '../../infra/mysql/entities';
import { createTestDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
let source: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  source = database.source;
});
afterAll(() => database.destroy());

const differences = async (): Promise<readonly string[]> =>
  (await source.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query);

test('When a database is migrated, then TypeORM would change nothing', async () => {
  expect(await differences()).toEqual([]);
});

test.each([
  'ALTER TABLE products ADD COLUMN colour VARCHAR(10) NULL',
  'ALTER TABLE products DROP COLUMN colour, MODIFY COLUMN name VARCHAR(201) NOT NULL',
  'ALTER TABLE products MODIFY COLUMN name VARCHAR(200) NULL',
  'ALTER TABLE products MODIFY COLUMN name VARCHAR(200) NOT NULL, ADD INDEX ix_products_name (name)',
])('When the schema changes (%s), then the difference is seen', async (change) => {
  await source.query(change);
  expect(await differences()).not.toEqual([]);
});

test('When a table is there, then an entity describes it', async () => {
  const tables: { name: string }[] = await source.query(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'migrations'",
  );
  expect(tables.map((table) => table.name).sort()).toEqual(ENTITIES.map((entity) => entity.options.name).sort());
});

test('When a reference is listed, then its tables and column exist', () => {
  const columns = new Map(ENTITIES.map(({ options }) => [options.name, Object.keys(options.columns)]));
  const wrong = REFERENCES.filter(({ from, column, to }) => !columns.get(from)?.includes(column) || !columns.has(to));
  expect(wrong).toEqual([]);
});
