/**
 * What one may say to a checkout workflow, and what it answers. Clients import this file and nothing else of it.
 * Wire names are fixed: histories of running sagas carry them.
 */
import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { OrderReason, OrderStatus, UnsoldStatus } from '../../domain/order';
import type { ClaimedOrder } from '../../infra/mysql/ledger/types';

export const CHECKOUT_WORKFLOW = 'checkout';

/** Bounds the saga needs; handed in at start, so that a replay sees what the first run saw. */
export interface CheckoutSettings {
  /** time a buyer has to pay, from PENDING_PAYMENT */
  readonly holdMs: number;
  /** declines that end the order, counting the last */
  readonly attemptsMax: number;
  /** how long an Update waits for the saga before it answers `pending` */
  readonly answerMs: number;
}

export interface CheckoutInput {
  /** the members, for ever; the workflow id is their owner */
  readonly orders: readonly ClaimedOrder[];
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

/**
 * Pay an order: the saga pays, the Update waits. What state, amount or attempts forbid is refused by the validator
 * before it is written anywhere: an ApplicationFailure of type REFUSED whose first detail is a `Refusal`
 * (`infra/temporal` turns it into `kind: 'refused'`).
 */
export const confirmPayment = defineUpdate<ConfirmResult, [ConfirmArgs]>('confirmPayment');

/** Cancel an order nobody is paying for. Refusals as above. */
export const cancelOrder = defineUpdate<CancelResult, [CancelArgs]>('cancelOrder');

export const REFUSED = 'refused';
export interface Refusal {
  readonly code: ConfirmRefusal | CancelRefusal;
  readonly status: SagaPhase;
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
  /** why it ended unsold */
  readonly ending: { readonly status: UnsoldStatus; readonly reason: OrderReason } | null;
  /** compensations that ran, in the order they ran */
  readonly compensations: readonly string[];
  readonly timeline: readonly { readonly phase: SagaPhase; readonly at: string; readonly note?: string }[];
}
export const member = defineQuery<MemberStory | null, [string]>('member');
