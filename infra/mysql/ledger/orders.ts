/** The order row as the ledger's functions see it: locked first, changed by guarded statements, every change noted. */
import type { DomainEvent, EventType } from '../../../domain/events/event';
import { topicOf } from '../../../domain/events/event';
import { createId } from '../../../domain/ids';
import { CURRENCY } from '../../../domain/money';
import { canMoveOrder, type OrderLine, type OrderReason, type OrderStatus } from '../../../domain/order';
import { parseJson, type Sql } from '../transaction';

export interface OrderRow {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  readonly status: OrderStatus;
  readonly owner: string | null;
  readonly amount: number;
  readonly lines: readonly OrderLine[];
  readonly limitedProducts: readonly string[];
  readonly fromCart: boolean;
  readonly activePayment: string | null;
  readonly payBy: Date | null;
  readonly createdAt: Date;
  readonly version: number;
}

const COLUMNS = `id AS orderId, member_id AS memberId, sequence, status, owner, amount, items,
  limited_products AS limitedProducts, from_cart AS fromCart, active_payment AS activePayment, pay_by AS payBy,
  created_at AS createdAt, version`;

interface RawOrder extends Omit<OrderRow, 'lines' | 'limitedProducts' | 'fromCart'> {
  readonly items: unknown;
  readonly limitedProducts: unknown;
  readonly fromCart: number;
}

const toOrder = ({ items, limitedProducts, fromCart, ...row }: RawOrder): OrderRow => ({
  ...row,
  lines: parseJson<OrderLine[]>(items),
  limitedProducts: parseJson<string[]>(limitedProducts),
  fromCart: fromCart === 1,
});

/** The order under an exclusive lock until the end of the transaction; null when there is none. */
export async function lockOrder(tx: Sql, orderId: string): Promise<OrderRow | null> {
  const [row] = await tx.rows<RawOrder>(`SELECT ${COLUMNS} FROM orders WHERE id = ? FOR UPDATE`, [orderId]);
  return row ? toOrder(row) : null;
}

export async function readOrder(sql: Sql, orderId: string): Promise<OrderRow | null> {
  const [row] = await sql.rows<RawOrder>(`SELECT ${COLUMNS} FROM orders WHERE id = ?`, [orderId]);
  return row ? toOrder(row) : null;
}

/** One guarded change must hit one row that this transaction has locked; anything else is a bug, and rolls back. */
export function assertOne(affected: number, what: string): void {
  if (affected !== 1) throw new Error(`ledger: ${what} changed ${affected} rows instead of 1`);
}

/**
 * Moves a locked order: guarded by its old status and owner, version + 1, noted in its history. Returns it as it is now.
 * @throws when the move is not one the order may make, which would be a bug of the caller
 */
export async function moveOrder(
  tx: Sql,
  order: OrderRow,
  to: { readonly status: OrderStatus; readonly reason: OrderReason },
): Promise<OrderRow> {
  if (!canMoveOrder(order.status, to.status)) throw new Error(`ledger: ${order.status} → ${to.status} is no move`);
  const affected = await tx.change(
    `UPDATE orders SET status = ?, version = version + 1, updated_at = UTC_TIMESTAMP(3)
     WHERE id = ? AND status = ? AND owner <=> ?`,
    [to.status, order.orderId, order.status, order.owner],
  );
  assertOne(affected, `${order.orderId}: ${order.status} → ${to.status}`);
  await noteOrder(tx, order.orderId, to.status, to.reason);
  return { ...order, status: to.status, version: order.version + 1 };
}

/** A change of the order's payment is a change of the order: readers and events see a new version. */
export async function bumpVersion(tx: Sql, order: OrderRow): Promise<OrderRow> {
  await tx.change('UPDATE orders SET version = version + 1, updated_at = UTC_TIMESTAMP(3) WHERE id = ?', [
    order.orderId,
  ]);
  return { ...order, version: order.version + 1 };
}

export async function noteOrder(tx: Sql, orderId: string, status: OrderStatus, reason: OrderReason): Promise<void> {
  await tx.change('INSERT INTO order_history (order_id, status, reason, at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))', [
    orderId,
    status,
    reason,
  ]);
}

/** Puts a fact into the outbox; the relay publishes it after the commit. `order` as it is after the change. */
export async function emit(
  tx: Sql,
  order: OrderRow,
  event: { readonly type: EventType; readonly paymentId?: string; readonly amount?: number; readonly reason?: string },
): Promise<void> {
  const payload: DomainEvent = {
    eventId: createId('evt'),
    type: event.type,
    version: 1,
    occurredAt: new Date().toISOString(),
    orderId: order.orderId,
    memberId: order.memberId,
    orderVersion: order.version,
    amount: event.amount ?? order.amount,
    currency: CURRENCY,
    ...(event.type.startsWith('order.') ? { items: order.lines } : {}),
    ...(event.paymentId ? { paymentId: event.paymentId } : {}),
    ...(event.reason ? { reason: event.reason } : {}),
  };
  await tx.change(
    `INSERT INTO outbox (event_id, topic, type, order_id, payload, created_at)
     VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
    [payload.eventId, topicOf(event.type), event.type, order.orderId, JSON.stringify(payload)],
  );
}
