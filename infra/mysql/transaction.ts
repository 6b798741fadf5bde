/**
 * SQL with typed results, and the one way to run a transaction.
 * READ COMMITTED: claims and guards judge what is committed now, and no gap locks are taken.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';

/** Error numbers of MariaDB. Branch on these: mysql2's `code` is wrong for some of them. */
export const ERRNO = {
  duplicate: 1062,
  lockWait: 1205,
  deadlock: 1213,
  recordChanged: 1020,
  checkFailed: 4025,
} as const;

const RETRIABLE: readonly (number | undefined)[] = [ERRNO.lockWait, ERRNO.deadlock, ERRNO.recordChanged];
const RETRIES = 3;
const PAUSE_MS = 5;
const LOCK_WAIT_S = 3;

/** `?` takes a value; an array becomes a list, an array of arrays the rows of VALUES. */
export type SqlValue = string | number | boolean | Date | null | readonly SqlValue[];

/** Runs statements: a transaction, or the pool itself (each statement by itself). */
export interface Sql {
  rows<R>(sql: string, values?: readonly SqlValue[]): Promise<readonly R[]>;
  /** Rows the statement's WHERE matched: how a guard is judged. */
  change(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

interface Runs {
  query(sql: string, values?: SqlValue[]): Promise<unknown>;
}

const hasAffectedRows = (result: unknown): result is { affectedRows: number } =>
  typeof result === 'object' && result !== null && 'affectedRows' in result;

export const sqlOf = (source: DataSource | QueryRunner): Sql => {
  const runs: Runs = source;
  return {
    rows: async <R>(sql: string, values: readonly SqlValue[] = []) => (await runs.query(sql, [...values])) as R[],
    change: async (sql, values = []) => {
      const result = await runs.query(sql, [...values]);
      return hasAffectedRows(result) ? result.affectedRows : 0;
    },
  };
};

/** MariaDB's error number, also when TypeORM wrapped the error; undefined for anything else. */
export const errnoOf = (error: unknown): number | undefined => {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('errno' in error && typeof error.errno === 'number') return error.errno;
  return 'driverError' in error ? errnoOf(error.driverError) : undefined;
};

/** The connection broke while COMMIT was under way: the effect may be there. Read before repeating. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
}

async function commit(runner: QueryRunner): Promise<void> {
  try {
    await runner.commitTransaction();
  } catch (error) {
    if (RETRIABLE.includes(errnoOf(error))) throw error;
    throw new CommitUnknown('the outcome of a commit is not known', { cause: error });
  }
}

/** Seconds its session waits for a lock, per pooled connection. */
const prepared = new WeakMap<object, number>();

/**
 * Sets the session of a pooled connection once, instead of a round trip per transaction.
 * The server's default lock wait is 50 s: nobody who waits for an answer waits that long.
 */
async function prepare(runner: QueryRunner, lockWaitS: number): Promise<void> {
  const connection: object = await runner.connect();
  const set = prepared.get(connection);
  if (set === undefined) await runner.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  if (set !== lockWaitS) await runner.query(`SET SESSION innodb_lock_wait_timeout = ${lockWaitS}`);
  prepared.set(connection, lockWaitS);
}

async function once<T>(source: DataSource, work: (tx: Sql) => Promise<T>, lockWaitS: number): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    await prepare(runner, lockWaitS);
    await runner.startTransaction();
    const result = await work(sqlOf(runner));
    await commit(runner);
    return result;
  } catch (error) {
    // The first error tells the story; a rollback fails only when the connection is gone, which rolls back too.
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

export interface TransactionOptions {
  /** repeats after a deadlock, lock wait or changed record */
  readonly retries?: number;
  /** seconds a statement waits for a row that another transaction holds */
  readonly lockWaitS?: number;
}

/**
 * Runs `work` in a transaction and commits, or rolls back and throws what it threw.
 * A deadlock, lock wait or changed record repeats the whole of it, three times unless said otherwise: `work` must have
 * no effect elsewhere.
 * @throws CommitUnknown when the connection broke during COMMIT
 */
export async function inTransaction<T>(
  source: DataSource,
  work: (tx: Sql) => Promise<T>,
  { retries = RETRIES, lockWaitS = LOCK_WAIT_S }: TransactionOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(source, work, lockWaitS);
    } catch (error) {
      if (attempt > retries || !RETRIABLE.includes(errnoOf(error))) throw error;
      // Different waits, so that the same transactions do not meet again.
      await pause(Math.random() * PAUSE_MS * attempt);
    }
  }
}

/** One view of all tables at one moment, whatever is committed meanwhile. */
export async function inSnapshot<T>(source: DataSource, read: (sql: Sql) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    await runner.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await runner.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    return await read(sqlOf(runner));
  } finally {
    // Read only: nothing to keep. A connection that is gone has ended its transaction by itself.
    await runner.query('ROLLBACK').catch(() => undefined);
    await runner.release();
  }
}

/**
 * One INSERT for many rows. `row` is one row's placeholders, and may call functions of the server.
 * @param into `table (column, …)`
 */
export async function insertRows(
  tx: Sql,
  into: string,
  { row, rows }: { readonly row: string; readonly rows: readonly (readonly SqlValue[])[] },
): Promise<void> {
  if (rows.length === 0) return;
  await tx.change(`INSERT INTO ${into} VALUES ${rows.map(() => row).join(', ')}`, rows.flat());
}

/** JSON columns arrive parsed or as text, depending on what the server tells the driver of the column. */
export const parseJson = <T>(value: unknown): T => (typeof value === 'string' ? JSON.parse(value) : value) as T;
