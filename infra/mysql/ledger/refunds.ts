/** Money that goes back: because the buyer asked, or because no order wants it. At most one refund per payment, in full. */
import { createId } from '../../../domain/ids';
import { isOpen } from '../../../domain/order';
import { isPaymentActive, type RefundKind } from '../../../domain/payment';
import type { Sql } from '../transaction';
import { assertOne, bumpVersion, emit, lockOrder, moveOrder, type OrderRow } from './orders';
import { insertPayments, lockPayments, movePayment, type PaymentRow } from './payments';
import type { Adjustment, BuyerRefundOutcome, LateMoneyOutcome, RefundClaim, RefundLedger } from './types';
import { releaseLimits, returnUnits } from './units';

const COLUMNS = `r.id AS refundId, r.order_id AS orderId, o.member_id AS memberId, r.payment_id AS paymentId,
  p.payment_key AS paymentKey, r.amount, r.reason, r.kind, r.status, r.refusals`;
const JOINS = 'JOIN payments p ON p.id = r.payment_id JOIN orders o ON o.id = r.order_id';
const SELECT_REFUND = `SELECT ${COLUMNS} FROM refunds r ${JOINS}`;

export async function readRefund(sql: Sql, paymentId: string): Promise<RefundClaim | null> {
  const [row] = await sql.rows<RefundClaim>(`${SELECT_REFUND} WHERE r.payment_id = ?`, [paymentId]);
  return row ?? null;
}

export const readOpenRefunds = (
  sql: Sql,
  { quietForMs, after = '', limit }: { quietForMs: number; after?: string; limit: number },
): Promise<readonly RefundClaim[]> =>
  sql.rows<RefundClaim>(
    // By the few that are open: in the order of their payments a long history of finished ones would be walked through.
    `SELECT ${COLUMNS} FROM refunds r FORCE INDEX (ix_refunds_status) ${JOINS}
     WHERE r.status = 'REFUNDING' AND r.refused_code IS NULL AND r.payment_id > ?
       AND r.updated_at <= UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND ORDER BY r.payment_id LIMIT ?`,
    [after, quietForMs * 1_000, limit],
  );

/** Writes the refund row of a payment that has just become REFUNDING, and answers it. */
export async function addRefund(
  tx: Sql,
  order: OrderRow,
  refund: {
    readonly paymentId: string;
    readonly kind: RefundKind;
    readonly amount: number;
    readonly reason: string;
    readonly requestedBy: string | null;
  },
): Promise<RefundClaim> {
  await tx.change(
    `INSERT INTO refunds (id, order_id, payment_id, kind, status, amount, reason, requested_by, created_at, updated_at)
     VALUES (?, ?, ?, ?, 'REFUNDING', ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [
      createId('rfd'),
      order.orderId,
      refund.paymentId,
      refund.kind,
      refund.amount,
      refund.reason.slice(0, 200),
      refund.requestedBy,
    ],
  );
  const written = await readRefund(tx, refund.paymentId);
  if (!written) throw new Error(`ledger: the refund of ${refund.paymentId} is gone`);
  return written;
}

async function readBuyerRefund(tx: Sql, orderId: string): Promise<RefundClaim | null> {
  const [row] = await tx.rows<RefundClaim>(`${SELECT_REFUND} WHERE r.order_id = ? AND r.kind = 'BUYER'`, [orderId]);
  return row ?? null;
}

type BuyerRefundInput = Parameters<RefundLedger['claimBuyerRefund']>[0];
type Within = Parameters<RefundLedger['claimBuyerRefund']>[1];

export async function claimBuyerRefund(tx: Sql, input: BuyerRefundInput, within: Within): Promise<BuyerRefundOutcome> {
  const order = await lockOrder(tx, input.orderId);
  if (!order || (input.memberId !== null && order.memberId !== input.memberId)) return { kind: 'notFound' };
  const payment = (await lockPayments(tx, order.orderId)).find((each) => each.status === 'DONE');
  if (order.status !== 'CONFIRMED' || !payment) {
    return { kind: 'notRefundable', status: order.status, refund: await readBuyerRefund(tx, order.orderId) };
  }
  await movePayment(tx, payment, { status: 'REFUNDING', reason: 'refund_requested' });
  const refunding = await moveOrder(tx, order, { status: 'REFUNDING', reason: 'refund_requested' });
  const refund = await addRefund(tx, refunding, {
    paymentId: payment.paymentId,
    kind: 'BUYER',
    amount: payment.amount,
    reason: input.reason,
    requestedBy: input.requestedBy,
  });
  await within?.(tx, refund);
  return { kind: 'claimed', refund };
}

type LateMoney = Parameters<RefundLedger['claimLateMoney']>[0];

/** A payment for money found under a key we never had: it exists only to give the money back. */
async function addFoundPayment(tx: Sql, order: OrderRow, { paymentKey, capture }: LateMoney): Promise<PaymentRow> {
  const paymentId = createId('pay');
  const found = { order, paymentId, paymentKey, status: 'FAILED', capturedAmount: capture.amount } as const;
  await insertPayments(tx, [{ ...found, reason: 'found at the provider' }]);
  const { orderId, amount } = order;
  return { orderId, paymentId, paymentKey, status: 'FAILED', amount, failureCode: null, approvedAt: null };
}

export async function claimLateMoney(tx: Sql, input: LateMoney): Promise<LateMoneyOutcome> {
  const order = await lockOrder(tx, input.orderId);
  if (!order) return { kind: 'notFound' };
  const known = (await lockPayments(tx, order.orderId)).find((each) => each.paymentKey === input.paymentKey);
  if (known?.status === 'DONE') return { kind: 'wanted' };
  const existing = known ? await readRefund(tx, known.paymentId) : null;
  // A late webhook is no reason to ask a provider again that has said no for good.
  if (existing?.status === 'REFUNDING' && existing.refusals > 0) return { kind: 'refused' };
  if (existing) return { kind: 'claimed', refund: existing };
  if (isOpen(order.status) || (known && isPaymentActive(known.status))) {
    return { kind: 'undecided', status: order.status };
  }
  const { amount, method, approvedAt } = input.capture;
  const payment = known ?? (await addFoundPayment(tx, order, input));
  await movePayment(tx, payment, {
    status: 'REFUNDING',
    reason: 'late_money',
    change: { capturedAmount: amount, method, approvedAt: new Date(approvedAt) },
  });
  const now = await bumpVersion(tx, order);
  const refund = await addRefund(tx, now, {
    paymentId: payment.paymentId,
    kind: 'LATE_MONEY',
    amount,
    reason: 'late_money',
    requestedBy: null,
  });
  return { kind: 'claimed', refund };
}

async function readReturned(tx: Sql, refundId: string): Promise<readonly Adjustment[]> {
  return tx.rows<Adjustment>(
    `SELECT a.product_id AS productId, a.n, a.delta, o.member_id AS memberId FROM stock_adjustments a
     JOIN refunds r ON r.id = a.reference JOIN orders o ON o.id = r.order_id
     WHERE a.reason = 'refund' AND a.reference = ? ORDER BY a.product_id`,
    [refundId],
  );
}

export async function recordRefund(
  tx: Sql,
  { paymentId }: { paymentId: string },
): Promise<{ readonly adjustments: readonly Adjustment[] }> {
  const claim = await readRefund(tx, paymentId);
  if (!claim) throw new Error(`ledger: ${paymentId} has no refund`);
  const order = await lockOrder(tx, claim.orderId);
  if (!order) throw new Error(`ledger: no order ${claim.orderId}`);
  const payment = (await lockPayments(tx, order.orderId)).find((each) => each.paymentId === paymentId);
  if (payment?.status === 'REFUNDED') return { adjustments: await readReturned(tx, claim.refundId) };
  if (payment?.status !== 'REFUNDING') throw new Error(`ledger: ${paymentId} is ${payment?.status}, not REFUNDING`);

  await movePayment(tx, payment, { status: 'REFUNDED' });
  const affected = await tx.change(
    `UPDATE refunds SET status = 'REFUNDED', updated_at = UTC_TIMESTAMP(3) WHERE id = ? AND status = 'REFUNDING'`,
    [claim.refundId],
  );
  assertOne(affected, `refund ${claim.refundId}`);
  return claim.kind === 'BUYER' ? refundOrder(tx, order, claim) : returnMoney(tx, order, claim);
}

/** The buyer has the money back: the units are for sale again. */
async function refundOrder(
  tx: Sql,
  order: OrderRow,
  claim: RefundClaim,
): Promise<{ readonly adjustments: readonly Adjustment[] }> {
  const refunded = await moveOrder(tx, order, { status: 'REFUNDED', reason: 'refunded' });
  await releaseLimits(tx, [refunded]);
  await emit(tx, refunded, { type: 'payment.refunded', paymentId: claim.paymentId, amount: claim.amount });
  await emit(tx, refunded, { type: 'order.refunded', reason: claim.reason });
  return { adjustments: await returnUnits(tx, refunded, claim.refundId) };
}

/** Late money never bought units: only the payment's story goes on. */
async function returnMoney(
  tx: Sql,
  order: OrderRow,
  claim: RefundClaim,
): Promise<{ readonly adjustments: readonly Adjustment[] }> {
  const now = await bumpVersion(tx, order);
  await emit(tx, now, {
    type: 'payment.refunded',
    paymentId: claim.paymentId,
    amount: claim.amount,
    reason: 'late_money',
  });
  return { adjustments: [] };
}

export async function recordRefundRefusal(
  tx: Sql,
  input: { paymentId: string; refusals: number; code: string; message: string },
): Promise<void> {
  const affected = await tx.change(
    `UPDATE refunds SET refused_code = ?, refusals = refusals + 1, updated_at = UTC_TIMESTAMP(3)
     WHERE payment_id = ? AND status = 'REFUNDING' AND refusals = ?`,
    [input.code.slice(0, 80), input.paymentId, input.refusals],
  );
  if (affected === 0) return;
  await tx.change(
    `INSERT INTO dead_letters (source, reference, reason, payload, created_at)
     VALUES ('refunds', ?, ?, ?, UTC_TIMESTAMP(3))`,
    [input.paymentId, `${input.code}: ${input.message}`.slice(0, 500), JSON.stringify(input)],
  );
}
