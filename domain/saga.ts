/**
 * What is said to a checkout workflow and what it answers: shared by the workflow, its clients and its starters.
 * Wire names are fixed: histories of running sagas carry them.
 */
import type { OrderLine, OrderReason, OrderStatus, UnsoldStatus } from './order';

export const CHECKOUT_WORKFLOW = 'checkout';
export const CONFIRM_UPDATE = 'confirmPayment';
export const CANCEL_UPDATE = 'cancelOrder';
export const MEMBER_QUERY = 'member';

/** Bounds the saga needs; handed in at start, so that a replay sees what the first run saw. */
export interface CheckoutSettings {
  /** time a buyer has to pay, from PENDING_PAYMENT */
  readonly holdMs: number;
  /** declines that end the order, counting the last */
  readonly attemptsMax: number;
  /** how long an Update waits for the saga before it answers `pending` */
  readonly answerMs: number;
}

/** An accepted order, as its saga needs it. */
export interface SagaOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  /** won */
  readonly amount: number;
  readonly lines: readonly OrderLine[];
}

export interface CheckoutInput {
  /** the members, for ever; the workflow id is their owner */
  readonly orders: readonly SagaOrder[];
  readonly settings: CheckoutSettings;
  /** another owner was lost: begin from what MariaDB shows, and ask the provider what it knows */
  readonly resumed: boolean;
}

/** Where a saga is: the order's status, or what it is doing about it. */
export type SagaPhase = OrderStatus | 'CONFIRMING' | 'UNKNOWN' | 'CANCELLING' | 'EXPIRING' | 'FAILING' | 'DISOWNED';

/** One member's end, in the workflow's result. */
export interface MemberResult {
  readonly orderId: string;
  readonly phase: SagaPhase;
  /** an error that is ours: the sweeper takes the order over */
  readonly error?: string;
}
export interface CheckoutResult {
  readonly members: readonly MemberResult[];
}

export interface ConfirmArgs {
  readonly orderId: string;
  readonly paymentKey: string;
  /** won */
  readonly amount: number;
}
export type ConfirmRefusal = 'order_not_payable' | 'payment_in_progress' | 'amount_mismatch';
export type ConfirmResult =
  | { readonly kind: 'done'; readonly paymentId: string; readonly approvedAt: string; readonly amount: number }
  | {
      readonly kind: 'declined';
      readonly paymentId: string;
      readonly code: string;
      readonly message: string;
      readonly attemptsLeft: number;
    }
  /**
   * Not known in time. A repeat under the same update id gets this same answer again (the engine stores it):
   * after `pending`, MariaDB tells how it went on.
   */
  | { readonly kind: 'pending'; readonly paymentId?: string }
  | { readonly kind: 'refused'; readonly code: ConfirmRefusal; readonly status: SagaPhase };

export interface CancelArgs {
  readonly orderId: string;
}
export type CancelRefusal = 'payment_in_progress' | 'order_not_cancellable';
export type CancelResult =
  | { readonly kind: 'cancelled' }
  /** taken, and will happen, but not committed in time */
  | { readonly kind: 'pending' }
  | { readonly kind: 'refused'; readonly code: CancelRefusal; readonly status: SagaPhase };

/** Type and first detail of the ApplicationFailure by which a validator refuses an Update. */
export const REFUSED = 'refused';
export interface Refusal {
  readonly code: ConfirmRefusal | CancelRefusal;
  readonly status: SagaPhase;
}

/** Why an order ends unsold. */
export interface Ending {
  readonly status: UnsoldStatus;
  readonly reason: OrderReason;
}

/** What one member went through, for operators. */
export interface MemberStory {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  readonly phase: SagaPhase;
  /** epoch milliseconds */
  readonly payBy: number | null;
  readonly declines: number;
  readonly ending: Ending | null;
  /** compensations that ran, in the order they ran */
  readonly compensations: readonly string[];
  readonly timeline: readonly { readonly phase: SagaPhase; readonly at: string; readonly note?: string }[];
}

/** The refund of one captured payment: workflow `refund-<paymentId>`. */
export const REFUND_WORKFLOW = 'refund';
export interface RefundInput {
  readonly paymentId: string;
}
/** A refund to be started: beside its input, what operators find and name its workflow by. */
export interface RefundStart extends RefundInput {
  readonly orderId: string;
  readonly memberId: string;
  /** won that go back */
  readonly amount: number;
}
export interface RefundResult {
  readonly paymentId: string;
  /** `nothing`: there is no such refund, or it was done before */
  readonly kind: 'refunded' | 'nothing';
}

/** One round of the sweeper, started by a schedule. */
export const SWEEP_WORKFLOW = 'sweep';
export interface SweepResult {
  /** orders given to a new owner */
  readonly resumed: number;
  /** refunds whose workflow was missing */
  readonly refunds: number;
}
