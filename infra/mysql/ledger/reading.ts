/** What the ledger says of one order, without locks. */
import { isOpen, isUnsold, type OrderStatus } from '../../../domain/order';
import { isPaymentActive } from '../../../domain/payment';
import type { Sql } from '../transaction';
import { readOrder } from './orders';
import type { PaymentRow } from './payments';
import type { ActivePayment, HoldVerdict, SagaState } from './types';

type PaymentState = Pick<PaymentRow, 'paymentId' | 'paymentKey' | 'amount' | 'status'>;

const toActive = ({ paymentId, paymentKey, amount, status }: PaymentState): ActivePayment | null =>
  isPaymentActive(status) && paymentKey !== null ? { paymentId, paymentKey, amount, status } : null;

export async function readSaga(sql: Sql, orderId: string): Promise<SagaState | null> {
  const order = await readOrder(sql, orderId);
  if (!order) return null;
  const payments = await sql.rows<PaymentState>(
    'SELECT id AS paymentId, payment_key AS paymentKey, amount, status FROM payments WHERE order_id = ?',
    [orderId],
  );
  const active = payments.find((each) => each.paymentId === order.activePayment);
  return {
    orderId,
    memberId: order.memberId,
    sequence: order.sequence,
    status: order.status,
    owner: order.owner,
    amount: order.amount,
    lines: order.lines,
    payBy: order.payBy?.getTime() ?? null,
    declines: payments.filter((each) => each.status === 'FAILED').length,
    activePayment: active ? toActive(active) : null,
  };
}

/** CONFIRMED and later means sold: after a refund the units return by an adjustment, not by the hold. */
function verdictOf(status: OrderStatus | undefined): HoldVerdict {
  if (!status) return { kind: 'unknown' };
  if (isOpen(status)) return { kind: 'keep' };
  return { kind: isUnsold(status) ? 'free' : 'sold' };
}

/** In the order of the ids. */
export async function holdVerdicts(sql: Sql, orderIds: readonly string[]): Promise<readonly HoldVerdict[]> {
  const rows = await sql.rows<{ orderId: string; status: OrderStatus }>(
    'SELECT id AS orderId, status FROM orders WHERE id IN (?)',
    [orderIds],
  );
  const statusOf = new Map(rows.map(({ orderId, status }) => [orderId, status]));
  return orderIds.map((orderId) => verdictOf(statusOf.get(orderId)));
}
