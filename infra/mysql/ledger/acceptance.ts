/**
 * Acceptance: the record behind the buyer's 202. A batch goes in one transaction, as a log groups commits: on two cores
 * 15–24 thousand orders a second, against two thousand one by one. It is the bet that nothing is wrong; any miss rolls it
 * back, and each order is then looked at by itself, in sequence order, reading what is there before deciding.
 * (One multi-row statement that decides per order, `INSERT … ON DUPLICATE KEY` followed by `SELECT … IN (…) FOR UPDATE`,
 * deadlocks as soon as two batches run.)
 */
import type { DataSource } from 'typeorm';
import { CommitUnknown, ERRNO, errnoOf, inTransaction, type Sql, type SqlValue } from '../transaction';
import type { Acceptance, AcceptanceLedger, Reservation, Unanswered } from './types';
import { byText, holdUnits, unitsByProduct } from './units';

/** The batch cannot be accepted as a whole: roll back and look at each order. */
class Miss extends Error {
  override readonly name = 'Miss';
}
/** One order is refused: roll back, and this is the answer. */
class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly answer: Acceptance) {
    super(answer.kind);
  }
}

const bySequence = (a: Reservation, b: Reservation): number => a.sequence - b.sequence;

/** The lock that orders acceptance against a rebuild: a transaction is in its snapshot, or sees the new generation. */
async function readGeneration(tx: Sql): Promise<number> {
  const [gate] = await tx.rows<{ generation: number }>('SELECT generation FROM gate WHERE id = 1 LOCK IN SHARE MODE');
  if (!gate) throw new Error('ledger: the gate row is missing; run the migrations');
  return gate.generation;
}

const limitsOf = (reservation: Reservation): readonly (readonly [string, string, number, number])[] =>
  unitsByProduct(reservation.lines).flatMap(([productId, units]) => {
    const max = reservation.limits[productId];
    return max === undefined ? [] : [[productId, reservation.memberId, units, max] as const];
  });

async function insertOrders(tx: Sql, batch: readonly Reservation[], at: Date): Promise<void> {
  const rows = [...batch]
    .sort((a, b) => byText(a.orderId, b.orderId))
    .map((each): readonly SqlValue[] => [
      each.orderId,
      each.memberId,
      each.sequence,
      'QUEUED',
      each.amount,
      JSON.stringify(each.lines),
      each.idempotencyKey,
      each.bodyHash,
      each.generation,
      each.fromCart ? 1 : 0,
      JSON.stringify(limitsOf(each).map(([productId]) => productId)),
      at,
      at,
    ]);
  await tx.change(
    `INSERT INTO orders (id, member_id, sequence, status, amount, items, idempotency_key, body_hash, generation,
       from_cart, limited_products, created_at, updated_at) VALUES ?`,
    [rows],
  );
}

/** Adds to what the members own; the CHECK of the table refuses what goes above the limit (4025). */
async function countLimits(tx: Sql, batch: readonly Reservation[]): Promise<void> {
  const rows = batch.flatMap(limitsOf).sort((a, b) => byText(a[1], b[1]) || byText(a[0], b[0]));
  if (rows.length === 0) return;
  await tx.change(
    `INSERT INTO member_limits (product_id, member_id, units, max_units) VALUES ?
     ON DUPLICATE KEY UPDATE units = units + VALUES(units), max_units = VALUES(max_units)`,
    [rows],
  );
}

async function insertHistory(tx: Sql, batch: readonly Reservation[], at: Date): Promise<void> {
  const rows = batch.map((each): readonly SqlValue[] => [each.orderId, 'QUEUED', 'accepted', at]);
  await tx.change('INSERT INTO order_history (order_id, status, reason, at) VALUES ?', [rows]);
}

/** MariaDB's clock: cart lines are compared with the time of acceptance. */
async function now(tx: Sql): Promise<Date> {
  const [row] = await tx.rows<{ at: Date }>('SELECT UTC_TIMESTAMP(3) AS at');
  return row?.at ?? new Date();
}

async function acceptTogether(tx: Sql, batch: readonly Reservation[]): Promise<void> {
  const generation = await readGeneration(tx);
  if (batch.some((each) => each.generation !== generation)) throw new Miss('stale generation');
  const at = await now(tx);
  const ordered = [...batch].sort(bySequence);
  await insertOrders(tx, ordered, at);
  await countLimits(tx, ordered);
  await insertHistory(tx, ordered, at);
  for (const [productId, units] of unitsByProduct(ordered.flatMap((each) => each.lines))) {
    if (!(await holdUnits(tx, productId, units))) throw new Miss(`units of ${productId}`);
  }
}

/** What was accepted before under this order id, or under this key with another order id. */
async function findEarlier(tx: Sql, reservation: Reservation): Promise<Acceptance | null> {
  const { orderId, memberId, idempotencyKey } = reservation;
  const [own] = await tx.rows('SELECT id FROM orders WHERE id = ? AND member_id = ? FOR UPDATE', [orderId, memberId]);
  if (own) return { kind: 'accepted', orderId };
  const [other] = await tx.rows<{ orderId: string; bodyHash: string }>(
    'SELECT id AS orderId, body_hash AS bodyHash FROM orders WHERE member_id = ? AND idempotency_key = ?',
    [memberId, idempotencyKey],
  );
  return other ? { kind: 'replayed', ...other } : null;
}

async function countOwnLimits(tx: Sql, reservation: Reservation): Promise<void> {
  for (const [productId] of limitsOf(reservation)) {
    const line = { ...reservation, lines: reservation.lines.filter((each) => each.productId === productId) };
    try {
      await countLimits(tx, [line]);
    } catch (error) {
      if (errnoOf(error) === ERRNO.checkFailed) throw new Refused({ kind: 'limitReached', productId });
      throw error;
    }
  }
}

async function acceptAlone(tx: Sql, reservation: Reservation): Promise<Acceptance> {
  const generation = await readGeneration(tx);
  const earlier = await findEarlier(tx, reservation);
  if (earlier) return earlier;
  if (reservation.generation !== generation) return { kind: 'staleGeneration' };
  const at = await now(tx);
  await insertOrders(tx, [reservation], at);
  await countOwnLimits(tx, reservation);
  await insertHistory(tx, [reservation], at);
  for (const [productId, units] of unitsByProduct(reservation.lines)) {
    if (!(await holdUnits(tx, productId, units))) throw new Refused({ kind: 'soldOut', productId });
  }
  return { kind: 'accepted', orderId: reservation.orderId };
}

/** `again`: a duplicate means that somebody else has just committed the same key, which a second look finds. */
async function acceptOne(source: DataSource, reservation: Reservation, again = true): Promise<Acceptance> {
  try {
    return await inTransaction(source, (tx) => acceptAlone(tx, reservation));
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    if (error instanceof CommitUnknown && again) return acceptOne(source, reservation, false);
    if (errnoOf(error) !== ERRNO.duplicate) throw error;
    // Neither id nor key are taken, so it is the sequence: the gate that numbered it is not the one of this generation.
    return again ? acceptOne(source, reservation, false) : { kind: 'staleGeneration' };
  }
}

/** In sequence order. A store that fails is not asked for the rest of the batch: their buyers come again. */
async function acceptEach(
  source: DataSource,
  batch: readonly Reservation[],
): Promise<readonly (Acceptance | Unanswered)[]> {
  const answers = new Map<Reservation, Acceptance>();
  let trouble: unknown;
  for (const each of [...batch].sort(bySequence)) {
    try {
      answers.set(each, await acceptOne(source, each));
    } catch (error) {
      if (answers.size === 0) throw error;
      trouble = error;
      break;
    }
  }
  return batch.map((each) => answers.get(each) ?? { kind: 'unanswered', error: trouble });
}

/** What a look at each order can settle. Trouble before COMMIT has changed nothing, and is the caller's to see. */
const asksForEach = (error: unknown): boolean =>
  error instanceof Miss ||
  error instanceof CommitUnknown ||
  (Object.values(ERRNO) as readonly unknown[]).includes(errnoOf(error));

export const createAcceptanceLedger = (source: DataSource): AcceptanceLedger => ({
  async acceptOrders(batch) {
    if (batch.length === 0) return [];
    try {
      await inTransaction(source, (tx) => acceptTogether(tx, batch));
      return batch.map(({ orderId }) => ({ kind: 'accepted', orderId }));
    } catch (error) {
      if (!asksForEach(error)) throw error;
    }
    return acceptEach(source, batch);
  },
});
