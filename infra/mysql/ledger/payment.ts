/**
 * The steps around a provider call. CONFIRMING is committed before the provider is asked, and `orders.active_payment`
 * is its lock: from NULL to this payment, and back only when the payment has FAILED.
 */
import { createId } from '../../../domain/ids';
import { isPaymentActive } from '../../../domain/payment';
import type { Sql } from '../transaction';
import { assertOne, bumpVersion, emit, lockOrder, moveOrder, type OrderRow } from './orders';
import { insertPayment, lockPayments, movePayment, notePayment, type PaymentRow } from './payments';
import { addRefund } from './refunds';
import type { BeginPaymentOutcome, Capture, CaptureOutcome, DeclineOutcome, OwnedOrder } from './types';
import { releaseLimits, releaseUnits, sellUnits } from './units';

const declinesOf = (payments: readonly PaymentRow[]): number =>
  payments.filter((each) => each.status === 'FAILED').length;

async function setActive(tx: Sql, order: OrderRow, paymentId: string): Promise<void> {
  const affected = await tx.change(
    `UPDATE orders SET active_payment = ?, version = version + 1, updated_at = UTC_TIMESTAMP(3)
     WHERE id = ? AND owner = ? AND status = 'PENDING_PAYMENT' AND active_payment IS NULL`,
    [paymentId, order.orderId, order.owner],
  );
  assertOne(affected, `active payment of ${order.orderId}`);
}

/** The READY payment takes the key; when there is none left, the key gets a payment of its own. */
async function startPayment(
  tx: Sql,
  order: OrderRow,
  { ready, paymentKey }: { ready: PaymentRow | undefined; paymentKey: string },
): Promise<string> {
  if (ready) {
    await movePayment(tx, ready, { status: 'CONFIRMING', change: { paymentKey } });
    return ready.paymentId;
  }
  const paymentId = createId('pay');
  await insertPayment(tx, order, { paymentId, paymentKey, status: 'CONFIRMING', capturedAmount: null });
  await notePayment(tx, paymentId, 'CONFIRMING');
  return paymentId;
}

/** The same key again: still out, so ask (again); or the answer it got. */
const repeated = ({ paymentId, status, failureCode }: PaymentRow): BeginPaymentOutcome =>
  isPaymentActive(status) ? { kind: 'begun', paymentId } : { kind: 'answered', paymentId, status, failureCode };

/** With all attempts used, or another amount than the order's, nothing begins: `elsewhere`, still PENDING_PAYMENT. */
export async function beginPayment(
  tx: Sql,
  input: OwnedOrder & { paymentKey: string; amount: number; attemptsMax: number },
): Promise<BeginPaymentOutcome> {
  const order = await lockOrder(tx, input.orderId);
  if (order?.owner !== input.owner) return { kind: 'disowned' };
  const payments = await lockPayments(tx, order.orderId);
  const same = payments.find((each) => each.paymentKey === input.paymentKey);
  if (same) return repeated(same);
  if (order.status !== 'PENDING_PAYMENT') return { kind: 'elsewhere', status: order.status };
  if (order.activePayment !== null) return { kind: 'busy' };
  if (input.amount !== order.amount || declinesOf(payments) >= input.attemptsMax) {
    return { kind: 'elsewhere', status: order.status };
  }
  const ready = payments.find((each) => each.status === 'READY');
  const paymentId = await startPayment(tx, order, { ready, paymentKey: input.paymentKey });
  await setActive(tx, order, paymentId);
  return { kind: 'begun', paymentId };
}

/** The order, locked, and its payment; null when the caller is not the owner. */
async function lockBoth(
  tx: Sql,
  input: OwnedOrder & { paymentId: string },
): Promise<{ order: OrderRow; payments: readonly PaymentRow[]; payment: PaymentRow } | null> {
  const order = await lockOrder(tx, input.orderId);
  if (order?.owner !== input.owner) return null;
  const payments = await lockPayments(tx, order.orderId);
  const payment = payments.find((each) => each.paymentId === input.paymentId);
  if (!payment) throw new Error(`ledger: ${input.paymentId} is no payment of ${input.orderId}`);
  return { order, payments, payment };
}

export async function markUnknown(tx: Sql, input: OwnedOrder & { paymentId: string; why: string }): Promise<void> {
  const found = await lockBoth(tx, input);
  if (found?.payment.status !== 'CONFIRMING') return;
  await movePayment(tx, found.payment, { status: 'UNKNOWN', reason: input.why });
  await bumpVersion(tx, found.order);
}

async function confirmOrder(tx: Sql, order: OrderRow, payment: PaymentRow, capture: Capture): Promise<CaptureOutcome> {
  const approvedAt = new Date(capture.approvedAt);
  await movePayment(tx, payment, {
    status: 'DONE',
    change: { capturedAmount: capture.amount, method: capture.method, approvedAt },
  });
  const confirmed = await moveOrder(tx, order, { status: 'CONFIRMED', reason: 'paid' });
  await emit(tx, confirmed, { type: 'payment.approved', paymentId: payment.paymentId });
  await emit(tx, confirmed, { type: 'order.confirmed' });
  await sellUnits(tx, confirmed);
  return { kind: 'confirmed', approvedAt: approvedAt.toISOString() };
}

/** Money that is not for this order, or not the amount: it goes back, and the order fails with its units free. */
async function recordMismatch(
  tx: Sql,
  order: OrderRow,
  payment: PaymentRow,
  capture: Capture,
): Promise<CaptureOutcome> {
  const reason = 'payment_mismatch';
  await movePayment(tx, payment, {
    status: 'FAILED',
    reason,
    change: {
      failureCode: reason,
      capturedAmount: capture.amount,
      method: capture.method,
      approvedAt: new Date(capture.approvedAt),
    },
  });
  await movePayment(tx, { ...payment, status: 'FAILED' }, { status: 'REFUNDING', reason });
  await clearActive(tx, order, payment.paymentId);
  const failed = await moveOrder(tx, order, { status: 'PAYMENT_FAILED', reason });
  await addRefund(tx, failed, {
    paymentId: payment.paymentId,
    kind: 'LATE_MONEY',
    amount: capture.amount,
    reason,
    requestedBy: null,
  });
  await releaseLimits(tx, [failed]);
  await emit(tx, failed, { type: 'payment.declined', paymentId: payment.paymentId, reason });
  await emit(tx, failed, { type: 'order.cancelled', reason });
  await releaseUnits(tx, [failed]);
  return { kind: 'mismatch' };
}

/** `matches`: the provider's order id and amount are ours; the amount is compared here once more. */
export async function recordCapture(
  tx: Sql,
  input: OwnedOrder & Capture & { matches: boolean },
): Promise<CaptureOutcome> {
  const found = await lockBoth(tx, input);
  if (!found) return { kind: 'disowned' };
  const { order, payment } = found;
  if (payment.status === 'DONE') {
    return { kind: 'confirmed', approvedAt: (payment.approvedAt ?? new Date(input.approvedAt)).toISOString() };
  }
  if (payment.failureCode === 'payment_mismatch') return { kind: 'mismatch' };
  if (order.status !== 'PENDING_PAYMENT' || order.activePayment !== payment.paymentId) {
    return { kind: 'elsewhere', status: order.status };
  }
  return input.matches && input.amount === order.amount
    ? confirmOrder(tx, order, payment, input)
    : recordMismatch(tx, order, payment, input);
}

async function clearActive(tx: Sql, order: OrderRow, paymentId: string): Promise<void> {
  const affected = await tx.change('UPDATE orders SET active_payment = NULL WHERE id = ? AND active_payment = ?', [
    order.orderId,
    paymentId,
  ]);
  assertOne(affected, `active payment of ${order.orderId}`);
}

export async function recordDecline(
  tx: Sql,
  input: OwnedOrder & { paymentId: string; code: string; message: string; attemptsMax: number },
): Promise<DeclineOutcome> {
  const found = await lockBoth(tx, input);
  if (!found) return { kind: 'disowned' };
  const { order, payments, payment } = found;
  const declines = declinesOf(payments);
  if (payment.status === 'FAILED') return { kind: 'declined', attemptsLeft: Math.max(0, input.attemptsMax - declines) };
  if (!isPaymentActive(payment.status)) return { kind: 'elsewhere', status: order.status };

  const reason = `${input.code}: ${input.message}`;
  await movePayment(tx, payment, { status: 'FAILED', reason, change: { failureCode: input.code.slice(0, 80) } });
  await clearActive(tx, order, payment.paymentId);
  const now = await bumpVersion(tx, order);
  await emit(tx, now, { type: 'payment.declined', paymentId: payment.paymentId, reason: input.code });
  return { kind: 'declined', attemptsLeft: Math.max(0, input.attemptsMax - declines - 1) };
}
