/**
 * The states of an order and the moves between them (docs/protocol.md, payments).
 * A state is changed only by a guarded statement in MariaDB that names the state it expects.
 */
export const ORDER_STATUSES = [
  'QUEUED',
  'PENDING_PAYMENT',
  'CONFIRMED',
  'REFUNDING',
  'REFUNDED',
  'REJECTED',
  'CANCELLED',
  'EXPIRED',
  'PAYMENT_FAILED',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

const MOVES: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  QUEUED: ['PENDING_PAYMENT', 'REJECTED', 'CANCELLED'],
  PENDING_PAYMENT: ['CONFIRMED', 'EXPIRED', 'CANCELLED', 'PAYMENT_FAILED'],
  CONFIRMED: ['REFUNDING'],
  REFUNDING: ['REFUNDED'],
  REFUNDED: [],
  REJECTED: [],
  CANCELLED: [],
  EXPIRED: [],
  PAYMENT_FAILED: [],
};

export const canMoveOrder = (from: OrderStatus, to: OrderStatus): boolean => MOVES[from].includes(to);

/** Ended without a sale: its units are free again. */
export type UnsoldStatus = 'REJECTED' | 'CANCELLED' | 'EXPIRED' | 'PAYMENT_FAILED';
export const isUnsold = (status: OrderStatus): status is UnsoldStatus =>
  status === 'REJECTED' || status === 'CANCELLED' || status === 'EXPIRED' || status === 'PAYMENT_FAILED';

/** A saga still has to move it: its units are held. */
export const isOpen = (status: OrderStatus): status is 'QUEUED' | 'PENDING_PAYMENT' =>
  status === 'QUEUED' || status === 'PENDING_PAYMENT';

/** The event stream of an order ends here (a later refund starts a new story, seen by GET). */
export const isSettled = (status: OrderStatus): boolean => !isOpen(status) && status !== 'REFUNDING';

/** Why an order ended or moved; stored in its history, shown in its timeline. */
export type OrderReason =
  | 'accepted'
  | 'opened'
  | 'paid'
  | 'cancelled_by_buyer'
  | 'deadline_passed'
  | 'payment_declined'
  | 'payment_mismatch'
  | 'saga_could_not_start'
  | 'refund_requested'
  | 'late_money'
  | 'refunded';

/** One line of an order with the price the buyer saw; `name` is a snapshot too. */
export interface OrderLine {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPrice: number;
}
