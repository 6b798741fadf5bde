/** Toss Payments' wire format: the Payment object, its statuses, its errors. */
import { CURRENCY } from '../domain/money';
import { type BookedPayment, balanceOf, type TossError } from './book';

const API_VERSION = '2022-11-16';
const KOREA_MS = 9 * 3_600_000;

/** `2026-01-01T09:00:00+09:00`: Toss tells times in Korea's, to the second. */
export const koreanTime = (at: number): string => `${new Date(at + KOREA_MS).toISOString().slice(0, 19)}+09:00`;

export type TossStatus = 'IN_PROGRESS' | 'DONE' | 'CANCELED' | 'PARTIAL_CANCELED' | 'ABORTED' | 'EXPIRED';

export interface Moment {
  readonly now: number;
  /** an authorisation older than this, not confirmed, has expired */
  readonly authorizationLifeMs: number;
}

export function statusOf(payment: BookedPayment, { now, authorizationLifeMs }: Moment): TossStatus {
  if (payment.captured) {
    if (payment.refunds.length === 0) return 'DONE';
    return balanceOf(payment) === 0 ? 'CANCELED' : 'PARTIAL_CANCELED';
  }
  if (payment.aborted) return 'ABORTED';
  return now - payment.requestedAt > authorizationLifeMs ? 'EXPIRED' : 'IN_PROGRESS';
}

/** The Payment object, with the fields shops read; what does not exist for a card is null. */
export function paymentView(payment: BookedPayment, moment: Moment): Record<string, unknown> {
  const totalAmount = payment.captured?.amount ?? payment.amount;
  const vat = Math.round(totalAmount / 11);
  return {
    version: API_VERSION,
    mId: 'firstcome-sandbox',
    paymentKey: payment.paymentKey,
    orderId: payment.orderId,
    orderName: payment.orderName,
    status: statusOf(payment, moment),
    requestedAt: koreanTime(payment.requestedAt),
    approvedAt: payment.captured ? koreanTime(payment.captured.at) : null,
    type: 'NORMAL',
    method: '카드',
    currency: CURRENCY,
    country: 'KR',
    totalAmount,
    balanceAmount: payment.captured ? balanceOf(payment) : totalAmount,
    suppliedAmount: totalAmount - vat,
    vat,
    taxFreeAmount: 0,
    isPartialCancelable: true,
    card: { number: maskedCard(payment.card), amount: totalAmount, installmentPlanMonths: 0 },
    cancels: payment.refunds.length === 0 ? null : payment.refunds.map(cancelView),
    failure: payment.aborted ? { code: payment.aborted.code, message: payment.aborted.message } : null,
  };
}

const cancelView = (refund: BookedPayment['refunds'][number]) => ({
  transactionKey: refund.transactionKey,
  cancelReason: refund.reason,
  cancelAmount: refund.amount,
  canceledAt: koreanTime(refund.at),
  cancelStatus: 'DONE',
});

const maskedCard = (card: string): string => `${card.slice(0, 8)}****${card.slice(-4, -1)}*`;

const MESSAGES: Readonly<Record<string, readonly [number, string]>> = {
  INVALID_REQUEST: [400, 'The request is not valid.'],
  INVALID_IDEMPOTENCY_KEY: [400, 'The idempotency key has more than 300 characters.'],
  ALREADY_PROCESSED_PAYMENT: [400, 'This payment has been processed already.'],
  ALREADY_CANCELED_PAYMENT: [400, 'This payment has been cancelled already.'],
  UNAUTHORIZED_KEY: [401, 'The secret key is not known.'],
  REJECT_CARD_COMPANY: [403, 'The card company refused the payment.'],
  REJECT_CARD_PAYMENT: [403, 'The card has no limit or balance left.'],
  NOT_CANCELABLE_AMOUNT: [403, 'The amount is more than what can be cancelled.'],
  NOT_CANCELABLE_PAYMENT: [403, 'The payment cannot be cancelled.'],
  NOT_FOUND: [404, 'There is nothing here.'],
  NOT_FOUND_PAYMENT: [404, 'The payment does not exist.'],
  NOT_FOUND_PAYMENT_SESSION: [404, 'There is no authorisation to confirm, or it has expired.'],
  IDEMPOTENT_REQUEST_PROCESSING: [409, 'A request with this idempotency key is being processed.'],
  TOO_MANY_REQUESTS: [429, 'Too many requests.'],
  FAILED_INTERNAL_SYSTEM_PROCESSING: [500, 'The provider could not finish its work.'],
};

/** An error by its code; codes set by a knob and not in the table are refusals (403). */
export function tossError(code: string): TossError {
  const [status, message] = MESSAGES[code] ?? [403, 'The payment was refused.'];
  return { status, code, message };
}
