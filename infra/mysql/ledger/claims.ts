/**
 * Claims: which workflow carries which orders. A claim's members are the rows it took, for ever, so a start that may have
 * failed is repeated with the same id and the same members.
 */
import type { DataSource } from 'typeorm';
import type { OrderLine } from '../../../domain/order';
import { inTransaction, parseJson, type Sql, sqlOf } from '../transaction';
import { endQueued, readLine } from './line';
import { assertOne } from './orders';
import type { Claim, ClaimedOrder, ClaimLedger, ClaimRequest } from './types';

interface RawClaimed extends Omit<ClaimedOrder, 'lines'> {
  readonly items: unknown;
  readonly owner: string;
}

const CLAIMED = 'id AS orderId, member_id AS memberId, sequence, amount, items, owner';

const toClaimed = ({ orderId, memberId, sequence, amount, items }: RawClaimed): ClaimedOrder => ({
  orderId,
  memberId,
  sequence,
  amount,
  lines: parseJson<OrderLine[]>(items),
});

/**
 * The head of the line, locked. Two statements rather than one `ORDER BY paying DESC, sequence`: each reads the index
 * in its own order and locks what it returns; a sort would lock the whole backlog.
 */
async function lockHead(tx: Sql, count: number): Promise<readonly RawClaimed[]> {
  const head: RawClaimed[] = [];
  for (const paying of [1, 0]) {
    if (head.length === count) break;
    const rows = await tx.rows<RawClaimed>(
      `SELECT ${CLAIMED} FROM orders FORCE INDEX (ix_orders_line)
       WHERE status = 'QUEUED' AND owner IS NULL AND paying = ? ORDER BY sequence LIMIT ? FOR UPDATE SKIP LOCKED`,
      [paying, count - head.length],
    );
    head.push(...rows);
  }
  return head;
}

/** One dispatcher at a time counts and claims, so the bound is exact for any number of them. */
async function roomInFlight(tx: Sql, inFlightMax: number): Promise<number> {
  await tx.rows('SELECT claimed FROM dispatch_line WHERE id = 1 FOR UPDATE');
  const [row] = await tx.rows<{ inFlight: number }>(
    `SELECT COUNT(*) AS inFlight FROM orders FORCE INDEX (ix_orders_line)
     WHERE status = 'QUEUED' AND owner IS NOT NULL`,
  );
  return inFlightMax - (row?.inFlight ?? inFlightMax);
}

/** A look without locks, so that an idle dispatcher costs one index look-up instead of a transaction of six statements. */
async function isAnyQueued(sql: Sql): Promise<boolean> {
  const rows = await sql.rows(
    `SELECT 1 FROM orders FORCE INDEX (ix_orders_line) WHERE status = 'QUEUED' AND owner IS NULL LIMIT 1`,
  );
  return rows.length > 0;
}

async function claim(tx: Sql, request: ClaimRequest): Promise<Claim | null> {
  const count = Math.min(request.groupMax, await roomInFlight(tx, request.inFlightMax));
  if (count <= 0) return null;
  const orders = (await lockHead(tx, count)).map(toClaimed);
  if (orders.length === 0) return null;
  const owner = request.nameOwner(orders);
  const affected = await tx.change(
    `UPDATE orders FORCE INDEX (PRIMARY) SET owner = ?, claimed_at = UTC_TIMESTAMP(3), updated_at = UTC_TIMESTAMP(3)
     WHERE id IN (?) AND owner IS NULL`,
    [owner, orders.map((each) => each.orderId).sort()],
  );
  if (affected !== orders.length) throw new Error(`ledger: claimed ${affected} of ${orders.length} locked orders`);
  assertOne(
    await tx.change('UPDATE dispatch_line SET claimed = claimed + ? WHERE id = 1', [orders.length]),
    'the count of claims',
  );
  return { owner, orders };
}

function groupByOwner(rows: readonly RawClaimed[]): readonly Claim[] {
  const claims = new Map<string, ClaimedOrder[]>();
  for (const row of rows) {
    const orders = claims.get(row.owner) ?? [];
    orders.push(toClaimed(row));
    claims.set(row.owner, orders);
  }
  return [...claims].map(([owner, orders]) => ({ owner, orders }));
}

async function readUndispatched(sql: Sql, olderThanMs: number): Promise<readonly Claim[]> {
  const owners = await sql.rows<{ owner: string }>(
    `SELECT DISTINCT owner FROM orders FORCE INDEX (ix_orders_line)
     WHERE status = 'QUEUED' AND owner IS NOT NULL AND dispatched_at IS NULL
       AND claimed_at <= UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND`,
    [olderThanMs * 1_000],
  );
  if (owners.length === 0) return [];
  // All members, also those that moved on meanwhile: a repeated start must name the same ones.
  const rows = await sql.rows<RawClaimed>(
    `SELECT ${CLAIMED} FROM orders FORCE INDEX (ix_orders_owner) WHERE owner IN (?) ORDER BY owner, sequence`,
    [owners.map((each) => each.owner)],
  );
  return groupByOwner(rows);
}

async function countAttempt(tx: Sql, owner: string): Promise<number> {
  await tx.change(
    `UPDATE orders FORCE INDEX (ix_orders_owner) SET start_attempts = start_attempts + 1
     WHERE owner = ? AND dispatched_at IS NULL`,
    [owner],
  );
  const [row] = await tx.rows<{ attempts: number | null }>(
    'SELECT MAX(start_attempts) AS attempts FROM orders WHERE owner = ?',
    [owner],
  );
  return row?.attempts ?? 0;
}

async function rejectClaim(tx: Sql, owner: string, why: string): Promise<readonly string[]> {
  const members = await tx.rows<{ orderId: string }>(
    `SELECT id AS orderId FROM orders FORCE INDEX (ix_orders_owner)
     WHERE owner = ? AND status = 'QUEUED' AND dispatched_at IS NULL ORDER BY id`,
    [owner],
  );
  const orders = await endQueued(tx, {
    orderIds: members.map((each) => each.orderId),
    owner,
    to: { status: 'REJECTED', reason: 'saga_could_not_start' },
  });
  if (orders.length === 0) return [];
  await tx.change(
    `INSERT INTO dead_letters (source, reference, reason, payload, created_at)
     VALUES ('dispatcher', ?, ?, ?, UTC_TIMESTAMP(3))`,
    [owner, why.slice(0, 500), JSON.stringify({ owner, orders })],
  );
  return orders;
}

export function createClaimLedger(source: DataSource): ClaimLedger {
  const sql = sqlOf(source);
  return {
    ...readLine(source),
    claimOrders: async (request) =>
      (await isAnyQueued(sql)) ? inTransaction(source, (tx) => claim(tx, request)) : null,
    markDispatched: async (owner) => {
      await sql.change(
        `UPDATE orders FORCE INDEX (ix_orders_owner) SET dispatched_at = UTC_TIMESTAMP(3)
         WHERE owner = ? AND dispatched_at IS NULL`,
        [owner],
      );
    },
    readUndispatched: (olderThanMs) => readUndispatched(sql, olderThanMs),
    countAttempt: (owner) => inTransaction(source, (tx) => countAttempt(tx, owner)),
    rejectClaim: (owner, why) => inTransaction(source, (tx) => rejectClaim(tx, owner, why)),
  };
}
