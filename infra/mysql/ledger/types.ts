/**
 * The ledger: every change of stock, order and payment that MariaDB arbitrates, as one face.
 * Each function is one guarded transaction, idempotent, judged by affected rows; none reads, decides in Node,
 * and writes without a guard. Lock order everywhere:
 * gate → orders by id → payments → member_limits → history, outbox → stock by product id.
 * Business outcomes are returned; only trouble with the store is thrown.
 */
import type { OrderLine, OrderReason, OrderStatus, UnsoldStatus } from '../../../domain/order';
import type { PaymentStatus, RefundKind, RefundStatus } from '../../../domain/payment';
import type { Sql } from '../transaction';
import type { ClaimLedger } from './claim-types';

export type * from './claim-types';

// ── acceptance ────────────────────────────────────────────────────────────────────────────────────

/** What the gate gave: to be recorded before the buyer is told yes. */
export interface Reservation {
  readonly orderId: string;
  readonly memberId: string;
  readonly idempotencyKey: string;
  /** sha-256 hex of the canonical request body */
  readonly bodyHash: string;
  readonly sequence: number;
  /** generation of the gate that gave it; another one now means: not accepted */
  readonly generation: number;
  readonly lines: readonly OrderLine[];
  /** won */
  readonly amount: number;
  /** per product with a limit: units one member may own */
  readonly limits: Readonly<Record<string, number>>;
  readonly fromCart: boolean;
}

export interface AcceptanceLedger {
  /**
   * Records reservations before their buyers are told yes; answers in the order of the batch. Idempotent per order id.
   * A store that fails in the midst leaves the rest `unanswered`: what was committed stays, and its buyers are told yes.
   * @throws when the store answers nothing at all; the same reservations may come again
   */
  acceptOrders(batch: readonly Reservation[]): Promise<readonly (Acceptance | Unanswered)[]>;
}

/** Whether it was recorded is not known; the same reservation may come again. */
export interface Unanswered {
  readonly kind: 'unanswered';
  readonly error: unknown;
}

export type Acceptance =
  | { readonly kind: 'accepted'; readonly orderId: string }
  /** the same key was accepted before, under this order id */
  | { readonly kind: 'replayed'; readonly orderId: string; readonly bodyHash: string }
  /** the ledger has fewer units than the gate believed */
  | { readonly kind: 'soldOut'; readonly productId: string }
  | { readonly kind: 'limitReached'; readonly productId: string }
  | { readonly kind: 'staleGeneration' };

// ── reading ───────────────────────────────────────────────────────────────────────────────────────

/** All that a saga must know of an order to start or resume it. */
export interface SagaState {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  readonly status: OrderStatus;
  readonly owner: string | null;
  readonly amount: number;
  readonly lines: readonly OrderLine[];
  /** epoch milliseconds; null while QUEUED */
  readonly payBy: number | null;
  readonly declines: number;
  readonly activePayment: ActivePayment | null;
}
export interface ActivePayment {
  readonly paymentId: string;
  readonly paymentKey: string;
  readonly amount: number;
  readonly status: PaymentStatus;
}

/** What the gate must do with the hold of an order, by MariaDB's word. */
export type HoldVerdict =
  | { readonly kind: 'keep' }
  /** CONFIRMED or later: the units are sold, remove the hold */
  | { readonly kind: 'sold' }
  /** ended unsold: remove the hold and give the units back */
  | { readonly kind: 'free' }
  /** no row: the caller died, or is about to commit (the hold's age decides) */
  | { readonly kind: 'unknown' };

// ── saga steps ────────────────────────────────────────────────────────────────────────────────────

export interface OwnedOrder {
  readonly orderId: string;
  /** workflow id of the caller; a write by anybody but the owner changes nothing */
  readonly owner: string;
}

/** The caller is no longer the owner: stop, write nothing more. */
export interface Disowned {
  readonly kind: 'disowned';
}
/** The order is in another state than the step needs; the caller goes on from there. */
export interface Elsewhere {
  readonly kind: 'elsewhere';
  readonly status: OrderStatus;
}

export type OpenOutcome = { readonly kind: 'opened'; readonly payBy: number } | Elsewhere | Disowned;

export type BeginPaymentOutcome =
  /** CONFIRMING is committed; ask the provider under this payment id */
  | { readonly kind: 'begun'; readonly paymentId: string }
  /** this very key was answered before */
  | {
      readonly kind: 'answered';
      readonly paymentId: string;
      readonly status: PaymentStatus;
      readonly failureCode: string | null;
    }
  /** another payment of this order is CONFIRMING or UNKNOWN */
  | { readonly kind: 'busy' }
  | Elsewhere
  | Disowned;

export interface Capture {
  readonly paymentId: string;
  /** ISO 8601, by the provider's clock */
  readonly approvedAt: string;
  /** won, as the provider says */
  readonly amount: number;
  readonly method: string | null;
}
export type CaptureOutcome =
  | { readonly kind: 'confirmed'; readonly approvedAt: string }
  /** captured for this order, but not its amount: recorded as found, order PAYMENT_FAILED, to be refunded */
  | { readonly kind: 'mismatch' }
  | Elsewhere
  | Disowned;
export type DeclineOutcome = { readonly kind: 'declined'; readonly attemptsLeft: number } | Elsewhere | Disowned;
export type EndOutcome =
  | { readonly kind: 'ended'; readonly status: UnsoldStatus }
  /** a payment is CONFIRMING or UNKNOWN: its answer decides */
  | { readonly kind: 'busy' }
  | Elsewhere
  | Disowned;

// ── refunds ───────────────────────────────────────────────────────────────────────────────────────

export interface RefundClaim {
  readonly refundId: string;
  readonly orderId: string;
  /** whose order it is */
  readonly memberId: string;
  readonly paymentId: string;
  readonly paymentKey: string;
  readonly amount: number;
  readonly reason: string;
  readonly kind: RefundKind;
  readonly status: RefundStatus;
  /** how often the provider has refused it for good */
  readonly refusals: number;
}
export type BuyerRefundOutcome =
  | { readonly kind: 'claimed'; readonly refund: RefundClaim }
  /** `refund`: the one that exists, when it is under way or done */
  | { readonly kind: 'notRefundable'; readonly status: OrderStatus; readonly refund: RefundClaim | null }
  | { readonly kind: 'notFound' };

export type LateMoneyOutcome =
  /** to be given back, now or since an earlier call */
  | { readonly kind: 'claimed'; readonly refund: RefundClaim }
  /** claimed before, and refused by the provider for good: a person has to settle it, and then starts it again */
  | { readonly kind: 'refused' }
  /** the order is still open, or this payment is being asked about: its saga decides */
  | { readonly kind: 'undecided'; readonly status: OrderStatus }
  /** the order is confirmed by this very payment */
  | { readonly kind: 'wanted' }
  | { readonly kind: 'notFound' };

export interface RefundLedger {
  /**
   * CONFIRMED → REFUNDING. `memberId` null: an admin asks. `within` runs in the same transaction,
   * for the row that remembers the answer under its idempotency key.
   */
  claimBuyerRefund(
    input: {
      readonly orderId: string;
      readonly memberId: string | null;
      readonly requestedBy: string;
      readonly reason: string;
    },
    within?: (tx: Sql, refund: RefundClaim) => Promise<void>,
  ): Promise<BuyerRefundOutcome>;
  /** Money found for a payment called FAILED or EXPIRED, or never seen: the payment → REFUNDING, a refund row. */
  claimLateMoney(input: {
    readonly orderId: string;
    readonly paymentKey: string;
    readonly capture: {
      /** won that the provider holds */
      readonly amount: number;
      readonly approvedAt: string;
      readonly method: string | null;
    };
  }): Promise<LateMoneyOutcome>;
  /** Refunds REFUNDING, not refused, without change for `quietForMs`: their workflow may be missing. By payment, from `after` on. */
  readOpenRefunds(page: {
    readonly quietForMs: number;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly RefundClaim[]>;
  /**
   * The provider refused for good: it stays REFUNDING, with the code and a dead letter for a person to look at.
   * `refusals`: how many there were before; the same refusal is recorded once.
   */
  recordRefundRefusal(input: {
    readonly paymentId: string;
    readonly refusals: number;
    readonly code: string;
    readonly message: string;
  }): Promise<void>;
}

export interface StockAddition {
  readonly productId: string;
  /** units, ≥ 0 */
  readonly quantity: number;
  readonly reason: 'created' | 'restock' | 'correction';
  /** what caused it, such as a restock's idempotency key */
  readonly reference: string | null;
}

export interface StockLedger {
  /** Adjustments after the given number, in order: what the gate has missed. */
  readAdjustments(productId: string, afterN: number): Promise<readonly Adjustment[]>;
}

export type Ledger = SagaLedger & AcceptanceLedger & ClaimLedger & RefundLedger & StockLedger;

export interface Adjustment {
  readonly productId: string;
  /** per-product number; the gate applies them in order, each once */
  readonly n: number;
  readonly delta: number;
  /** a refund's member: the units no longer count against the limit of the product */
  readonly memberId?: string | null;
}

/** The saga's face of the ledger. */
export interface SagaLedger {
  readSaga(orderId: string): Promise<SagaState | null>;
  holdVerdict(orderId: string): Promise<HoldVerdict>;
  /** QUEUED → PENDING_PAYMENT: order lines, payment READY, deadline now + holdMs, accepted lines leave the cart, outbox. */
  openOrder(input: OwnedOrder & { holdMs: number }): Promise<OpenOutcome>;
  /** Payment READY (or a new row for a further key) → CONFIRMING and orders.active_payment from NULL, in one commit. */
  beginPayment(
    input: OwnedOrder & { paymentKey: string; amount: number; attemptsMax: number },
  ): Promise<BeginPaymentOutcome>;
  /** CONFIRMING → UNKNOWN: the provider gave no usable answer. */
  markUnknown(input: OwnedOrder & { paymentId: string; why: string }): Promise<void>;
  /** Payment → DONE, order → CONFIRMED, held → sold, outbox; a mismatch is recorded instead. */
  recordCapture(input: OwnedOrder & Capture): Promise<CaptureOutcome>;
  /** Payment → FAILED, active_payment → NULL. The order stays PENDING_PAYMENT; ending it is the saga's compensation. */
  recordDecline(
    input: OwnedOrder & { paymentId: string; code: string; message: string; attemptsMax: number },
  ): Promise<DeclineOutcome>;
  /** QUEUED | PENDING_PAYMENT → ended unsold, units and limits free, READY payment EXPIRED, outbox. Needs active_payment NULL. */
  endOrder(input: OwnedOrder & { status: UnsoldStatus; reason: OrderReason }): Promise<EndOutcome>;
  /** The refund of a payment, whatever its state. */
  readRefund(paymentId: string): Promise<RefundClaim | null>;
  /** REFUNDING → REFUNDED; for BUYER refunds sold −n, limits −n and one adjustment per product. Returns the adjustments. */
  recordRefund(input: { paymentId: string }): Promise<{ readonly adjustments: readonly Adjustment[] }>;
}
