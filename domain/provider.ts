/**
 * The payment provider as the business sees it: three questions, and answers that are values.
 * No expected outcome is thrown: a timeout, a 500 or a dropped connection is `unknown`, which means
 * "money may have moved: ask again", never "failed". `domain/provider-outcome.ts` holds the truth table.
 */

/** The provider holds the buyer's money for this payment. Compare order id and amount with ours before believing. */
export interface Captured {
  readonly kind: 'captured';
  readonly paymentKey: string;
  readonly orderId: string;
  /** won that the provider still holds */
  readonly amount: number;
  /** UTC, ISO 8601 with milliseconds, by the provider's clock */
  readonly approvedAt: string;
  /** how the buyer paid, in the provider's words */
  readonly method: string | null;
}

/** No usable answer: the effect may have happened, or may still happen. */
export interface Unknown {
  readonly kind: 'unknown';
  /** for histories and logs: `timeout`, `http 500`, the provider's code … */
  readonly why: string;
  /** a confirm found no such payment (404): believed only when nothing can be under way any more */
  readonly isNotFound?: true;
}

export type ConfirmAnswer =
  | Captured
  /** a definite refusal of this payment: no money moved, none will */
  | { readonly kind: 'declined'; readonly code: string; readonly message: string }
  | Unknown;

export type DeadStatus = 'ABORTED' | 'EXPIRED' | 'CANCELED';

export type LookUpAnswer =
  | Captured
  /** it will never be captured (CANCELED: it was, and all of it went back) */
  | { readonly kind: 'dead'; readonly paymentKey: string; readonly status: DeadStatus }
  /** READY, IN_PROGRESS, not found: not an answer; confirm again under the same idempotency key */
  | { readonly kind: 'open' }
  | Unknown;

export type RefundAnswer =
  /** amount: won that went back */
  | { readonly kind: 'refunded'; readonly paymentKey: string; readonly amount: number }
  /** refused for good: a person has to look */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | Unknown;

export interface ConfirmRequest {
  readonly paymentKey: string;
  readonly orderId: string;
  /** won */
  readonly amount: number;
  /** the payment's id: one key per payment, because the provider ignores the body under a repeated key */
  readonly idempotencyKey: string;
}

export interface RefundRequest {
  readonly paymentKey: string;
  /** won: all that was captured */
  readonly amount: number;
  readonly reason: string;
  /** `refund-<paymentId>` */
  readonly idempotencyKey: string;
}

/** Every call may be repeated with the same arguments; none throws for what a provider can do to us. */
export interface Provider {
  confirm(request: ConfirmRequest): Promise<ConfirmAnswer>;
  lookUp(request: { readonly paymentKey: string }): Promise<LookUpAnswer>;
  /** For reconciliation only: an order may have had several payment keys, this tells of the latest. */
  lookUpByOrder(request: { readonly orderId: string }): Promise<LookUpAnswer>;
  refund(request: RefundRequest): Promise<RefundAnswer>;
}
