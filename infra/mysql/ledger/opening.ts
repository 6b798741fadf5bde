/** QUEUED → PENDING_PAYMENT: from here the buyer may pay, until the stored deadline. */
import { createId } from '../../../domain/ids';
import { insertRows, type Sql } from '../transaction';
import { emitAll, lockFreeOrders, lockOrder, moveOrders, type OrderRow } from './orders';
import { insertPayments } from './payments';
import type { OpenOutcome, OwnedOrder } from './types';

async function writeLines(tx: Sql, orders: readonly OrderRow[]): Promise<void> {
  await insertRows(tx, 'order_lines (order_id, product_id, name, quantity, unit_price)', {
    row: '(?, ?, ?, ?, ?)',
    rows: orders.flatMap(({ orderId, lines }) =>
      lines.map(({ productId, name, quantity, unitPrice }) => [orderId, productId, name, quantity, unitPrice]),
    ),
  });
}

/** What was ordered leaves the cart; what the buyer has put there since the acceptance stays. */
async function emptyCart(tx: Sql, order: OrderRow): Promise<void> {
  if (!order.fromCart) return;
  await tx.change('DELETE FROM cart_items WHERE member_id = ? AND product_id IN (?) AND updated_at <= ?', [
    order.memberId,
    order.lines.map((line) => line.productId),
    order.createdAt,
  ]);
}

/** Sets the deadline by MariaDB's clock and answers it; epoch milliseconds. */
async function setDeadline(tx: Sql, orders: readonly OrderRow[], holdMs: number): Promise<number> {
  const [now] = await tx.rows<{ at: Date }>('SELECT UTC_TIMESTAMP(3) AS at');
  if (!now) throw new Error('ledger: MariaDB has no time');
  const payBy = new Date(now.at.getTime() + holdMs);
  await tx.change('UPDATE orders FORCE INDEX (PRIMARY) SET pay_by = ? WHERE id IN (?)', [
    payBy,
    orders.map(({ orderId }) => orderId),
  ]);
  return payBy.getTime();
}

/** Opens locked orders that are QUEUED. */
async function open(tx: Sql, orders: readonly OrderRow[], holdMs: number): Promise<OpenOutcome> {
  const payBy = await setDeadline(tx, orders, holdMs);
  const opened = await moveOrders(tx, orders, { status: 'PENDING_PAYMENT', reason: 'opened' });
  await writeLines(tx, opened);
  const ready = { paymentKey: null, status: 'READY', capturedAmount: null } as const;
  await insertPayments(
    tx,
    opened.map((order) => ({ order, paymentId: createId('pay'), ...ready })),
  );
  for (const order of opened) await emptyCart(tx, order);
  await emitAll(
    tx,
    opened.map((order) => ({ order, type: 'order.created' })),
  );
  return { kind: 'opened', payBy };
}

type OpenInput = OwnedOrder & { readonly holdMs: number };

export async function openOrder(tx: Sql, input: OpenInput): Promise<OpenOutcome> {
  const order = await lockOrder(tx, input.orderId);
  if (order?.owner !== input.owner) return { kind: 'disowned' };
  if (order.status === 'PENDING_PAYMENT' && order.payBy) return { kind: 'opened', payBy: order.payBy.getTime() };
  if (order.status !== 'QUEUED') return { kind: 'elsewhere', status: order.status };
  return open(tx, [order], input.holdMs);
}

/** Opens those that are as an order is at this step; answers them alone. */
export async function openOrders(tx: Sql, inputs: ReadonlyMap<string, OpenInput>): Promise<Map<string, OpenOutcome>> {
  const holdMs = Math.max(...[...inputs.values()].map((input) => input.holdMs));
  const usual = (await lockFreeOrders(tx, [...inputs.keys()])).filter(({ orderId, owner, status }) => {
    const input = inputs.get(orderId);
    return owner === input?.owner && status === 'QUEUED' && input.holdMs === holdMs;
  });
  if (usual.length === 0) return new Map();
  const outcome = await open(tx, usual, holdMs);
  return new Map(usual.map(({ orderId }) => [orderId, outcome]));
}
