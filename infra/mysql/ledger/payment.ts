/**
 * The steps around a provider call. CONFIRMING is committed before the provider is asked, and `orders.active_payment`
 * is its lock: from NULL to this payment, and back only when the payment has FAILED.
 */
import { createId } from '../../../domain/ids';
import { isPaymentActive, type PaymentStatus } from '../../../domain/payment';
import { groupBy } from '../gather';
import type { Sql } from '../transaction';
import {
  assertOne,
  bumpVersion,
  emit,
  emitAll,
  lockFreeOrders,
  lockOrder,
  moveOrder,
  moveOrders,
  type OrderRow,
  setActivePayments,
} from './orders';
import { insertPayments, lockPayments, lockPaymentsOf, movePayment, movePayments, type PaymentRow } from './payments';
import { addRefund } from './refunds';
import type { BeginPaymentOutcome, Capture, CaptureOutcome, DeclineOutcome, OwnedOrder } from './types';
import { releaseLimits, releaseUnits, sellUnits } from './units';

const declinesOf = (payments: readonly PaymentRow[]): number =>
  payments.filter((each) => each.status === 'FAILED').length;

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
  await insertPayments(tx, [{ order, paymentId, paymentKey, status: 'CONFIRMING', capturedAmount: null }]);
  return paymentId;
}

/** The same key again: still out, so ask (again); or the answer it got. */
const repeated = ({ paymentId, status, failureCode }: PaymentRow): BeginPaymentOutcome =>
  isPaymentActive(status) ? { kind: 'begun', paymentId } : { kind: 'answered', paymentId, status, failureCode };

export type BeginInput = OwnedOrder & {
  readonly paymentKey: string;
  readonly amount: number;
  readonly attemptsMax: number;
};

/** With all attempts used, or another amount than the order's, nothing begins: `elsewhere`, still PENDING_PAYMENT. */
export async function beginPayment(tx: Sql, input: BeginInput): Promise<BeginPaymentOutcome> {
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
  await setActivePayments(tx, [{ order, paymentId }]);
  return { kind: 'begun', paymentId };
}

/** Begins those whose order waits for its first payment, with a READY row for it; answers them alone. */
export async function beginPayments(
  tx: Sql,
  inputs: ReadonlyMap<string, BeginInput>,
): Promise<Map<string, BeginPaymentOutcome>> {
  const waiting = (await lockFreeOrders(tx, [...inputs.keys()])).filter((order) => {
    const input = inputs.get(order.orderId);
    const isUsual = order.status === 'PENDING_PAYMENT' && order.activePayment === null;
    return isUsual && order.owner === input?.owner && order.amount === input.amount;
  });
  const rows = await lockPaymentsOf(
    tx,
    waiting.map(({ orderId }) => orderId),
  );
  const payments = groupBy(rows, ({ orderId }) => orderId);
  const usual = waiting.flatMap((order) => {
    const [ready, ...others] = payments.get(order.orderId) ?? [];
    const paymentKey = inputs.get(order.orderId)?.paymentKey;
    if (ready?.status !== 'READY' || others.length > 0 || paymentKey === undefined) return [];
    return [{ order, paymentId: ready.paymentId, change: { paymentKey } }];
  });
  if (usual.length === 0) return new Map();
  await movePayments(tx, { from: 'READY', status: 'CONFIRMING', changes: usual });
  await setActivePayments(tx, usual);
  return new Map(usual.map(({ order, paymentId }) => [order.orderId, { kind: 'begun', paymentId }]));
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

const confirmedAt = (at: string | Date): CaptureOutcome => ({
  kind: 'confirmed',
  approvedAt: new Date(at).toISOString(),
});

interface Paid {
  readonly order: OrderRow;
  readonly capture: Capture;
}

/** The pivot, of locked orders open for payment; `from`: the status of all their payments. */
async function confirmOrders(tx: Sql, from: PaymentStatus, paid: readonly Paid[]): Promise<void> {
  await movePayments(tx, {
    from,
    status: 'DONE',
    changes: paid.map(({ capture: { paymentId, amount, method, approvedAt } }) => ({
      paymentId,
      change: { capturedAmount: amount, method, approvedAt: new Date(approvedAt) },
    })),
  });
  const confirmed = await moveOrders(
    tx,
    paid.map(({ order }) => order),
    { status: 'CONFIRMED', reason: 'paid' },
  );
  const paymentOf = new Map(paid.map(({ order, capture }) => [order.orderId, capture.paymentId]));
  await emitAll(
    tx,
    confirmed.flatMap((order) => [
      { order, type: 'payment.approved', paymentId: paymentOf.get(order.orderId) ?? '' },
      { order, type: 'order.confirmed' },
    ]),
  );
  await sellUnits(tx, confirmed);
}

/** Not the amount of this order: the money goes back, and the order fails with its units free. */
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

/** What the provider says it captured under this order's id. */
export type CaptureInput = OwnedOrder & Capture;

export async function recordCapture(tx: Sql, input: CaptureInput): Promise<CaptureOutcome> {
  const found = await lockBoth(tx, input);
  if (!found) return { kind: 'disowned' };
  const { order, payment } = found;
  if (payment.status === 'DONE') return confirmedAt(payment.approvedAt ?? input.approvedAt);
  if (payment.failureCode === 'payment_mismatch') return { kind: 'mismatch' };
  if (order.status !== 'PENDING_PAYMENT' || order.activePayment !== payment.paymentId) {
    return { kind: 'elsewhere', status: order.status };
  }
  if (input.amount !== order.amount) return recordMismatch(tx, order, payment, input);
  await confirmOrders(tx, payment.status, [{ order, capture: input }]);
  return confirmedAt(input.approvedAt);
}

/** Confirms those whose order waits for just this answer; answers them alone. */
export async function recordCaptures(
  tx: Sql,
  inputs: ReadonlyMap<string, CaptureInput>,
): Promise<Map<string, CaptureOutcome>> {
  const waiting = (await lockFreeOrders(tx, [...inputs.keys()])).flatMap((order) => {
    const capture = inputs.get(order.orderId);
    const isUsual = order.status === 'PENDING_PAYMENT' && order.owner === capture?.owner;
    return isUsual && order.activePayment === capture.paymentId && order.amount === capture.amount
      ? [{ order, capture }]
      : [];
  });
  const payments = await lockPaymentsOf(
    tx,
    waiting.map(({ order }) => order.orderId),
  );
  const asked = new Set(payments.filter(({ status }) => status === 'CONFIRMING').map(({ paymentId }) => paymentId));
  const usual = waiting.filter(({ capture }) => asked.has(capture.paymentId));
  if (usual.length === 0) return new Map();
  await confirmOrders(tx, 'CONFIRMING', usual);
  return new Map(usual.map(({ order, capture }) => [order.orderId, confirmedAt(capture.approvedAt)]));
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
