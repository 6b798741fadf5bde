/** QUEUED → PENDING_PAYMENT: from here the buyer may pay, until the stored deadline. */
import { createId } from '../../../domain/ids';
import type { Sql, SqlValue } from '../transaction';
import { emit, lockOrder, moveOrder, type OrderRow } from './orders';
import { insertPayment, notePayment } from './payments';
import type { OpenOutcome, OwnedOrder } from './types';

async function writeLines(tx: Sql, order: OrderRow): Promise<void> {
  const rows = order.lines.map((line): readonly SqlValue[] => [
    order.orderId,
    line.productId,
    line.name,
    line.quantity,
    line.unitPrice,
  ]);
  await tx.change('INSERT INTO order_lines (order_id, product_id, name, quantity, unit_price) VALUES ?', [rows]);
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
async function setDeadline(tx: Sql, orderId: string, holdMs: number): Promise<number> {
  await tx.change('UPDATE orders SET pay_by = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND WHERE id = ?', [
    holdMs * 1_000,
    orderId,
  ]);
  const [row] = await tx.rows<{ payBy: Date }>('SELECT pay_by AS payBy FROM orders WHERE id = ?', [orderId]);
  if (!row) throw new Error(`ledger: no order ${orderId}`);
  return row.payBy.getTime();
}

export async function openOrder(tx: Sql, input: OwnedOrder & { holdMs: number }): Promise<OpenOutcome> {
  const order = await lockOrder(tx, input.orderId);
  if (order?.owner !== input.owner) return { kind: 'disowned' };
  if (order.status === 'PENDING_PAYMENT' && order.payBy) return { kind: 'opened', payBy: order.payBy.getTime() };
  if (order.status !== 'QUEUED') return { kind: 'elsewhere', status: order.status };

  const payBy = await setDeadline(tx, order.orderId, input.holdMs);
  const opened = await moveOrder(tx, order, { status: 'PENDING_PAYMENT', reason: 'opened' });
  await writeLines(tx, opened);
  const paymentId = createId('pay');
  await insertPayment(tx, opened, { paymentId, paymentKey: null, status: 'READY', capturedAmount: null });
  await notePayment(tx, paymentId, 'READY');
  await emptyCart(tx, opened);
  await emit(tx, opened, { type: 'order.created' });
  return { kind: 'opened', payBy };
}
