/**
 * The truth table of the provider: from what came over the wire to what we may believe.
 * The rule behind every row: `declined` and `dead` only where no money can have moved or still move;
 * `captured` only from a complete payment that says so; everything else is `unknown` or `open`, and is asked again.
 * docs/payments.md shows the same table for people; tests/unit/provider-outcome.test.ts holds it row by row.
 */
import type { Captured, ConfirmAnswer, DeadStatus, LookUpAnswer, RefundAnswer, Unknown } from './provider';

/** What one HTTP exchange left us with. */
export type ProviderReply =
  | { readonly kind: 'reply'; readonly status: number; readonly body: unknown }
  /** no complete answer: timeout, refused or dropped connection */
  | { readonly kind: 'silence'; readonly why: string };

/** Refusals of this payment by card company, bank or provider. Nothing was captured, and this key never will be. */
export const DEFINITE_REFUSALS = [
  'REJECT_CARD_PAYMENT',
  'REJECT_CARD_COMPANY',
  'REJECT_ACCOUNT_PAYMENT',
  'INVALID_STOPPED_CARD',
  'INVALID_CARD_EXPIRATION',
  'EXCEED_MAX_AMOUNT',
  'BELOW_MINIMUM_AMOUNT',
  'FDS_ERROR',
  'NOT_FOUND_PAYMENT_SESSION',
] as const;

/** Refunds that no repetition will change. Codes outside this list are tried again. */
export const FINAL_REFUND_REFUSALS = [
  'NOT_CANCELABLE_PAYMENT',
  'NOT_CANCELABLE_AMOUNT',
  'NOT_MATCHES_REFUNDABLE_AMOUNT',
  'NOT_ALLOWED_PARTIAL_REFUND',
  'EXCEED_MAX_REFUND_DUE',
  'REFUND_REJECTED',
  'NOT_FOUND_PAYMENT',
] as const;

export const DEAD_STATUSES = ['ABORTED', 'EXPIRED', 'CANCELED'] as const satisfies readonly DeadStatus[];
const OPEN_STATUSES: readonly string[] = ['READY', 'IN_PROGRESS'];
/** Busy, too many, or a gateway's own timeout: says nothing of the payment, whatever code the body carries. */
const TRY_LATER: readonly number[] = [408, 409, 425, 429];

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (body: unknown): Fields =>
  typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Fields) : {};
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const wonOf = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null);

const unknown = (why: string): Unknown => ({ kind: 'unknown', why });

/** Why a reply that we cannot use is not usable: the provider's code where there is one. */
const unusable = (status: number, body: Fields): Unknown =>
  unknown(textOf(body.code) ? `http ${status} ${textOf(body.code)}` : `http ${status}`);

const isRefusal = (status: number): boolean => status >= 400 && status < 500 && !TRY_LATER.includes(status);

const oneOf = <T extends string>(list: readonly T[], value: unknown): T | null =>
  list.find((entry) => entry === value) ?? null;

/** UTC with milliseconds from the provider's `2026-01-01T09:00:00+09:00`; null when it is no time. */
function instantOf(value: unknown): string | null {
  const at = new Date(textOf(value) ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** Characters of a method that are kept: a longer word must not stand in the way of recording the capture. */
const METHOD_MAX = 40;
const methodOf = (value: unknown): string | null => textOf(value)?.slice(0, METHOD_MAX) ?? null;

function capturedOf(body: Fields): Captured | Unknown {
  const paymentKey = textOf(body.paymentKey);
  const orderId = textOf(body.orderId);
  const approvedAt = instantOf(body.approvedAt);
  // What was given back in part is not ours any more: the balance is compared with the order's total.
  const amount = wonOf(body.status === 'PARTIAL_CANCELED' ? body.balanceAmount : body.totalAmount);
  if (!paymentKey || !orderId || !approvedAt || amount === null) return unknown('malformed payment');
  return { kind: 'captured', paymentKey, orderId, amount, approvedAt, method: methodOf(body.method) };
}

/** Confirm: only DONE is captured, only a listed refusal is declined. */
export function readConfirm(reply: ProviderReply): ConfirmAnswer {
  if (reply.kind === 'silence') return unknown(reply.why);
  const body = fieldsOf(reply.body);
  if (reply.status === 200) {
    return body.status === 'DONE' ? capturedOf(body) : unknown(`status ${textOf(body.status) ?? 'missing'}`);
  }
  const code = oneOf(DEFINITE_REFUSALS, body.code);
  if (code && isRefusal(reply.status)) return { kind: 'declined', code, message: textOf(body.message) ?? code };
  return { ...unusable(reply.status, body), ...(reply.status === 404 ? { isNotFound: true } : {}) };
}

/** Look-up: READY, IN_PROGRESS and 404 are no answers, because a confirm may still be on its way. */
export function readLookUp(reply: ProviderReply): LookUpAnswer {
  if (reply.kind === 'silence') return unknown(reply.why);
  const body = fieldsOf(reply.body);
  if (reply.status === 404) return { kind: 'open' };
  if (reply.status !== 200) return unusable(reply.status, body);
  if (body.status === 'DONE' || body.status === 'PARTIAL_CANCELED') return capturedOf(body);
  if (OPEN_STATUSES.includes(String(body.status))) return { kind: 'open' };
  const status = oneOf(DEAD_STATUSES, body.status);
  const paymentKey = textOf(body.paymentKey);
  if (status && paymentKey) return { kind: 'dead', paymentKey, status };
  return unknown(`status ${textOf(body.status) ?? 'missing'}`);
}

/** Refund: CANCELED means all of it went back; that it already had is the same good news. */
export function readRefund(
  reply: ProviderReply,
  asked: { readonly paymentKey: string; readonly amount: number },
): RefundAnswer {
  if (reply.kind === 'silence') return unknown(reply.why);
  const body = fieldsOf(reply.body);
  const refunded: RefundAnswer = { kind: 'refunded', paymentKey: asked.paymentKey, amount: asked.amount };
  if (reply.status === 200) {
    if (body.status === 'CANCELED') return refunded;
    // Money stayed with the provider although all that we knew of went back: only a person can say whose it is.
    if (body.status === 'PARTIAL_CANCELED') {
      return { kind: 'refused', code: 'PARTIAL_CANCELED', message: 'a part of the capture is still there' };
    }
    return unknown(`status ${textOf(body.status) ?? 'missing'}`);
  }
  if (!isRefusal(reply.status)) return unusable(reply.status, body);
  if (body.code === 'ALREADY_CANCELED_PAYMENT') return refunded;
  const code = oneOf(FINAL_REFUND_REFUSALS, body.code);
  return code ? { kind: 'refused', code, message: textOf(body.message) ?? code } : unusable(reply.status, body);
}
