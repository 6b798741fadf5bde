/** Transactions: all or nothing, repeated when the store asks for it, and honest when a commit is not known. */
import type { DataSource } from 'typeorm';
import { CommitUnknown, ERRNO, errnoOf, inTransaction, type Sql, sqlOf } from '../../infra/mysql/transaction';
import { createTestDatabase } from '../support/database';

let source: DataSource;
let sql: Sql;
let destroy: () => Promise<void>;
beforeAll(async () => {
  const database = await createTestDatabase();
  source = database.source;
  sql = sqlOf(source);
  destroy = () => database.destroy();
  await sql.change('CREATE TABLE tallies (id INT PRIMARY KEY, n INT NOT NULL)');
});
beforeEach(async () => {
  await sql.change('DELETE FROM tallies');
  await sql.change('INSERT INTO tallies (id, n) VALUES (1, 0), (2, 0)');
});
afterAll(() => destroy());

const tallies = async (): Promise<readonly number[]> =>
  (await sql.rows<{ n: number }>('SELECT n FROM tallies ORDER BY id')).map((row) => row.n);
const add = (tx: Sql, id: number) => tx.change('UPDATE tallies SET n = n + 1 WHERE id = ?', [id]);

test('When the work throws, then nothing of it stays and the error is the work’s', async () => {
  const failing = inTransaction(source, async (tx) => {
    await add(tx, 1);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await tallies()).toEqual([0, 0]);
});

test('When two transactions lock each other out, then both take effect once', async () => {
  const met = { first: false, second: false };
  const meet = async (who: keyof typeof met, other: keyof typeof met) => {
    met[who] = true;
    const deadline = Date.now() + 2_000;
    while (!met[other] && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  };
  await Promise.all([
    inTransaction(source, async (tx) => {
      await add(tx, 1);
      await meet('first', 'second');
      await add(tx, 2);
    }),
    inTransaction(source, async (tx) => {
      await add(tx, 2);
      await meet('second', 'first');
      await add(tx, 1);
    }),
  ]);
  expect(await tallies()).toEqual([2, 2]);
});

test('When a deadlock does not end, then it is seen after three repeats', async () => {
  let attempts = 0;
  const failing = inTransaction(source, async () => {
    attempts += 1;
    throw Object.assign(new Error('deadlock'), { errno: ERRNO.deadlock });
  });
  await expect(failing).rejects.toThrow('deadlock');
  expect(attempts).toBe(4);
});

test('When another error comes, then it is not repeated and its number is readable', async () => {
  let attempts = 0;
  const error: unknown = await inTransaction(source, async (tx) => {
    attempts += 1;
    await tx.change('INSERT INTO tallies (id, n) VALUES (1, 0)');
  }).catch((thrown: unknown) => thrown);
  expect(errnoOf(error)).toBe(ERRNO.duplicate);
  expect(attempts).toBe(1);
});

test('When the connection is killed during the work, then the caller sees it and the next transaction works', async () => {
  const failing = inTransaction(source, async (tx) => {
    await add(tx, 1);
    const [row] = await tx.rows<{ id: number }>('SELECT CONNECTION_ID() AS id');
    await sql.change(`KILL ${row?.id}`);
    await add(tx, 1);
  });
  await expect(failing).rejects.not.toBeInstanceOf(CommitUnknown);
  await inTransaction(source, (tx) => add(tx, 2));
  expect(await tallies()).toEqual([0, 1]);
});

test('When the connection is gone at the commit, then the outcome is called unknown', async () => {
  const failing = inTransaction(source, async (tx) => {
    await add(tx, 1);
    const [row] = await tx.rows<{ id: number }>('SELECT CONNECTION_ID() AS id');
    await sql.change(`KILL ${row?.id}`);
  });
  await expect(failing).rejects.toBeInstanceOf(CommitUnknown);
});

test('When a lock is held for long, then the wait ends within seconds', async () => {
  const [row] = await inTransaction(source, (tx) =>
    tx.rows<{ s: number; isolation: string }>('SELECT @@innodb_lock_wait_timeout AS s, @@tx_isolation AS isolation'),
  );
  expect(row).toEqual({ s: 3, isolation: 'READ-COMMITTED' });
});
