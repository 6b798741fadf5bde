/** The line of queued orders: its length, and leaving it without a saga. Owners, for the sweeper. */
import type { DataSource } from 'typeorm';
import type { OrderReason, OrderStatus } from '../../../domain/order';
import { inTransaction, type Sql, type SqlValue, sqlOf } from '../transaction';
import { emit, lockOrder, moveOrder, type OrderRow } from './orders';
import type { Backlog, CancelQueuedOutcome, ClaimLedger, OwnerOfOpen } from './types';
import { releaseLimits, releaseUnits } from './units';

type Line = Pick<ClaimLedger, 'backlog' | 'setPaying' | 'cancelQueued' | 'readOwners' | 'takeOver'>;

/** Ends orders that are still QUEUED under this owner (null: unclaimed); answers which. Units and limits are free again. */
export async function endQueued(
  tx: Sql,
  input: {
    readonly orderIds: readonly string[];
    readonly owner: string | null;
    readonly to: { readonly status: 'REJECTED' | 'CANCELLED'; readonly reason: OrderReason };
  },
): Promise<readonly string[]> {
  const ended: OrderRow[] = [];
  for (const orderId of input.orderIds) {
    const order = await lockOrder(tx, orderId);
    if (order?.status !== 'QUEUED' || order.owner !== input.owner) continue;
    const now = await moveOrder(tx, order, input.to);
    await emit(tx, now, { type: 'order.cancelled', reason: input.to.reason });
    ended.push(now);
  }
  await releaseLimits(tx, ended);
  await releaseUnits(tx, ended);
  return ended.map((order) => order.orderId);
}

async function cancelQueued(
  tx: Sql,
  { orderId, memberId }: { orderId: string; memberId: string },
): Promise<CancelQueuedOutcome> {
  const order = await lockOrder(tx, orderId);
  if (order?.memberId !== memberId) return { kind: 'notFound' };
  if (order.owner === null && order.status === 'QUEUED') {
    await endQueued(tx, {
      orderIds: [orderId],
      owner: null,
      to: { status: 'CANCELLED', reason: 'cancelled_by_buyer' },
    });
    return { kind: 'ended', status: 'CANCELLED' };
  }
  const open = order.status === 'QUEUED' || order.status === 'PENDING_PAYMENT';
  if (open && order.owner !== null) return { kind: 'owned', owner: order.owner, status: order.status };
  return { kind: 'elsewhere', status: order.status };
}

interface RawOwned {
  readonly owner: string;
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly epoch: number;
}

async function readOwners(
  sql: Sql,
  { quietForMs, after = '', limit }: { quietForMs: number; after?: string; limit: number },
): Promise<readonly OwnerOfOpen[]> {
  const rows = await sql.rows<RawOwned>(
    `SELECT owner, id AS orderId, status, owner_epoch AS epoch FROM orders
     WHERE status IN ('QUEUED', 'PENDING_PAYMENT') AND owner > ?
       AND updated_at <= UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND
     ORDER BY owner, id LIMIT ?`,
    [after, quietForMs * 1_000, limit],
  );
  // A full page may end in the middle of an owner: leave it to the next page, unless it fills this one.
  const last = rows.length === limit ? rows.at(-1)?.owner : undefined;
  const whole = rows.filter((row) => row.owner !== last);
  const owners = new Map<string, RawOwned[]>();
  for (const row of whole.length > 0 ? whole : rows) owners.set(row.owner, [...(owners.get(row.owner) ?? []), row]);
  return [...owners].map(([owner, orders]) => ({
    owner,
    orders: orders.map(({ orderId, status, epoch }) => ({ orderId, status, epoch })),
  }));
}

const RATE_OVER_MS = 1_000;

/** Reads the backlog, and measures how fast it drains from the growth of the count of claims between readings. */
function createBacklogReader(sql: Sql): () => Promise<Backlog> {
  let earlier: { readonly claimed: number; readonly atMs: number } | null = null;
  let drainPerS: number | null = null;
  return async () => {
    const [row] = await sql.rows<{ queued: number; claimed: number }>(
      `SELECT claimed, (SELECT COUNT(*) FROM orders FORCE INDEX (ix_orders_line)
         WHERE status = 'QUEUED' AND owner IS NULL) AS queued FROM dispatch_line WHERE id = 1`,
    );
    const { claimed, queued } = row ?? { claimed: 0, queued: 0 };
    const atMs = performance.now();
    if (earlier === null) earlier = { claimed, atMs };
    else if (atMs - earlier.atMs >= RATE_OVER_MS) {
      drainPerS = ((claimed - earlier.claimed) * 1_000) / (atMs - earlier.atMs);
      earlier = { claimed, atMs };
    }
    return { queued, drainPerS };
  };
}

export function readLine(source: DataSource): Line {
  const sql = sqlOf(source);
  /**
   * One guarded change of one order. By its id first and the indexes after, as claims do; where the two meet all the same,
   * it is made again rather than told to a buyer who is paying.
   */
  const changeOne = async (change: string, values: readonly SqlValue[]): Promise<boolean> =>
    (await inTransaction(source, (tx) => tx.change(change, values))) === 1;
  return {
    backlog: createBacklogReader(sql),
    setPaying: (orderId) =>
      changeOne(
        "UPDATE orders FORCE INDEX (PRIMARY) SET paying = 1 WHERE id = ? AND status = 'QUEUED' AND owner IS NULL",
        [orderId],
      ),
    cancelQueued: (order) => inTransaction(source, (tx) => cancelQueued(tx, order)),
    readOwners: (page) => readOwners(sql, page),
    takeOver: ({ orderId, expectedOwner, newOwner, epoch }) =>
      changeOne(
        `UPDATE orders FORCE INDEX (PRIMARY) SET owner = ?, owner_epoch = ?, claimed_at = UTC_TIMESTAMP(3), dispatched_at = NULL,
           start_attempts = 0, version = version + 1, updated_at = UTC_TIMESTAMP(3)
         WHERE id = ? AND owner = ? AND owner_epoch = ? AND status IN ('QUEUED', 'PENDING_PAYMENT')`,
        [newOwner, epoch, orderId, expectedOwner, epoch - 1],
      ),
  };
}
