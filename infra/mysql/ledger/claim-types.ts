/** Claims: which workflow carries which orders, and the line they wait in until then. */
import type { OrderLine, OrderStatus } from '../../../domain/order';
import type { Elsewhere } from './types';

export interface ClaimedOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  readonly amount: number;
  readonly lines: readonly OrderLine[];
}
export interface Claim {
  /** workflow id: the members' owner for ever */
  readonly owner: string;
  readonly orders: readonly ClaimedOrder[];
}

export interface ClaimRequest {
  /** orders one workflow may carry */
  readonly groupMax: number;
  /** orders claimed and still QUEUED, over all dispatchers */
  readonly inFlightMax: number;
  /** names the workflow; called inside the transaction, so it must be quick and pure but for randomness */
  readonly nameOwner: (orders: readonly ClaimedOrder[]) => string;
}

export type CancelQueuedOutcome =
  | { readonly kind: 'ended'; readonly status: 'CANCELLED' }
  /** a saga has it (or is about to): ask the owner */
  | { readonly kind: 'owned'; readonly owner: string; readonly status: OrderStatus }
  | Elsewhere
  /** no such order of this member */
  | { readonly kind: 'notFound' };

export interface Backlog {
  /** orders QUEUED without owner */
  readonly queued: number;
  /** orders claimed per second, measured by this process between its readings; null until two are there */
  readonly drainPerS: number | null;
}

/** An owner of open orders, for the sweeper to ask Temporal about. */
export interface OwnerOfOpen {
  readonly owner: string;
  readonly orders: readonly { readonly orderId: string; readonly status: OrderStatus; readonly epoch: number }[];
}

export interface ClaimLedger {
  /** Takes what has gathered (buyers who pay first, then by sequence) for one workflow; null when nothing may start. */
  claimOrders(request: ClaimRequest): Promise<Claim | null>;
  /** The workflow is known to have started. */
  markDispatched(owner: string): Promise<void>;
  /** Claims that nobody has marked: their start may have failed, repeat it with the same id and members. */
  readUndispatched(olderThanMs: number): Promise<readonly Claim[]>;
  /** Counts one failed start; answers how many there were. */
  countAttempt(owner: string): Promise<number>;
  /** The claim cannot start: its QUEUED orders end REJECTED, units and limits free, one dead letter. Answers their ids. */
  rejectClaim(owner: string, why: string): Promise<readonly string[]>;
  backlog(): Promise<Backlog>;
  /** The buyer is confirming: head of the line. False when it is no longer waiting there. */
  setPaying(orderId: string): Promise<boolean>;
  cancelQueued(order: { readonly orderId: string; readonly memberId: string }): Promise<CancelQueuedOutcome>;
  /** Owners, by name from `after` on, of open orders that have not changed for `quietForMs`; at most `limit` orders. */
  readOwners(page: {
    readonly quietForMs: number;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly OwnerOfOpen[]>;
  /** Compare-and-set of the owner; `epoch` is the new one, current + 1. False: somebody else was quicker, or it has ended. */
  takeOver(input: {
    readonly orderId: string;
    readonly expectedOwner: string;
    readonly newOwner: string;
    readonly epoch: number;
  }): Promise<boolean>;
}
