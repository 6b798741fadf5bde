/** The order row as the ledger's functions see it: locked first, changed by guarded statements, every change noted. */
import type { DomainEvent, EventType } from '../../../domain/events/event';
import { topicOf } from '../../../domain/events/event';
import { createId } from '../../../domain/ids';
import { CURRENCY } from '../../../domain/money';
import { canMoveOrder, type OrderLine, type OrderReason, type OrderStatus } from '../../../domain/order';
import { insertRows, parseJson, type Sql, type SqlValue } from '../transaction';

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

/**
 * Those of the orders that nobody else is changing, under exclusive locks taken in the order of their ids. What another
 * transaction holds is left out, so a batch waits for no order.
 */
export async function lockFreeOrders(tx: Sql, orderIds: readonly string[]): Promise<readonly OrderRow[]> {
  const rows = await tx.rows<RawOrder>(
    `SELECT ${COLUMNS} FROM orders FORCE INDEX (PRIMARY) WHERE id IN (?) ORDER BY id FOR UPDATE SKIP LOCKED`,
    [orderIds],
  );
  return rows.map(toOrder);
}

export async function readOrder(sql: Sql, orderId: string): Promise<OrderRow | null> {
  const [row] = await sql.rows<RawOrder>(`SELECT ${COLUMNS} FROM orders WHERE id = ?`, [orderId]);
  return row ? toOrder(row) : null;
}

/** A guarded change must hit just the rows that this transaction has locked; anything else is a bug, and rolls back. */
export function assertAffected(affected: number, expected: number, what: string): void {
  if (affected !== expected) throw new Error(`ledger: ${what} changed ${affected} rows instead of ${expected}`);
}
export const assertOne = (affected: number, what: string): void => assertAffected(affected, 1, what);

/** `CASE id WHEN … THEN … END` over many rows: a value of its own for each of them. */
export function caseOf(values: readonly (readonly [id: string, value: SqlValue])[]): {
  readonly sql: string;
  readonly values: readonly SqlValue[];
} {
  return { sql: `CASE id ${values.map(() => 'WHEN ? THEN ?').join(' ')} END`, values: values.flat() };
}

/** The guard of a saga's write: the owners under which the rows were locked. */
const ownersOf = (orders: readonly OrderRow[]): readonly SqlValue[] => [...new Set(orders.map(({ owner }) => owner))];
const ownerGuard = (owners: readonly SqlValue[]): string => (owners.length === 1 ? 'owner <=> ?' : 'owner IN (?)');

interface Move {
  readonly status: OrderStatus;
  readonly reason: OrderReason;
}

/**
 * Moves locked orders of one status: guarded by it and by their owners, version + 1, noted in their histories.
 * Returns them as they are now.
 * @throws when the move is not one an order may make, which would be a bug of the caller
 */
export async function moveOrders(tx: Sql, orders: readonly OrderRow[], to: Move): Promise<readonly OrderRow[]> {
  const [first] = orders;
  if (!first) return [];
  if (!canMoveOrder(first.status, to.status)) throw new Error(`ledger: ${first.status} → ${to.status} is no move`);
  const owners = ownersOf(orders);
  const affected = await tx.change(
    `UPDATE orders FORCE INDEX (PRIMARY) SET status = ?, version = version + 1, updated_at = UTC_TIMESTAMP(3)
     WHERE id IN (?) AND status = ? AND ${ownerGuard(owners)}`,
    [to.status, orders.map(({ orderId }) => orderId), first.status, owners],
  );
  assertAffected(affected, orders.length, `${first.orderId} …: ${first.status} → ${to.status}`);
  await insertRows(tx, 'order_history (order_id, status, reason, at)', {
    row: '(?, ?, ?, UTC_TIMESTAMP(3))',
    rows: orders.map(({ orderId }) => [orderId, to.status, to.reason]),
  });
  return orders.map((order) => ({ ...order, status: to.status, version: order.version + 1 }));
}

export async function moveOrder(tx: Sql, order: OrderRow, to: Move): Promise<OrderRow> {
  const [moved] = await moveOrders(tx, [order], to);
  if (!moved) throw new Error(`ledger: ${order.orderId} was not moved`);
  return moved;
}

/** The payment whose outcome is being asked for: set only where there is none, on orders that are open for payment. */
export async function setActivePayments(
  tx: Sql,
  active: readonly { readonly order: OrderRow; readonly paymentId: string }[],
): Promise<void> {
  const orders = active.map(({ order }) => order);
  const owners = ownersOf(orders);
  const payment = caseOf(active.map(({ order, paymentId }) => [order.orderId, paymentId]));
  const affected = await tx.change(
    `UPDATE orders FORCE INDEX (PRIMARY) SET active_payment = ${payment.sql}, version = version + 1,
       updated_at = UTC_TIMESTAMP(3)
     WHERE id IN (?) AND ${ownerGuard(owners)} AND status = 'PENDING_PAYMENT' AND active_payment IS NULL`,
    [...payment.values, orders.map(({ orderId }) => orderId), owners],
  );
  assertAffected(affected, active.length, `active payment of ${orders[0]?.orderId} …`);
}

/** A change of the order's payment is a change of the order: readers and events see a new version. */
export async function bumpVersion(tx: Sql, order: OrderRow): Promise<OrderRow> {
  await tx.change('UPDATE orders SET version = version + 1, updated_at = UTC_TIMESTAMP(3) WHERE id = ?', [
    order.orderId,
  ]);
  return { ...order, version: order.version + 1 };
}

export interface Fact {
  readonly type: EventType;
  readonly paymentId?: string;
  readonly amount?: number;
  readonly reason?: string;
}
/** `order` as it is after the change. */
export interface FactOf extends Fact {
  readonly order: OrderRow;
}

function eventOf({ order, ...event }: FactOf): DomainEvent {
  return {
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
}

/** Puts facts into the outbox, in this order; the relay publishes them after the commit. */
export async function emitAll(tx: Sql, facts: readonly FactOf[]): Promise<void> {
  await insertRows(tx, 'outbox (event_id, topic, type, order_id, payload, created_at)', {
    row: '(?, ?, ?, ?, ?, UTC_TIMESTAMP(3))',
    rows: facts.map(eventOf).map((event) => {
      const { eventId, type, orderId } = event;
      return [eventId, topicOf(type), type, orderId, JSON.stringify(event)];
    }),
  });
}

export const emit = (tx: Sql, order: OrderRow, fact: Fact): Promise<void> => emitAll(tx, [{ order, ...fact }]);
