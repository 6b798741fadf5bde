/**
 * The states of a payment (one row per order and payment key) and the moves between them.
 * UNKNOWN is neither paid nor failed: it is asked again until the provider says.
 */
export const PAYMENT_STATUSES = [
  'READY',
  'CONFIRMING',
  'UNKNOWN',
  'DONE',
  'FAILED',
  'EXPIRED',
  'REFUNDING',
  'REFUNDED',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

const MOVES: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  READY: ['CONFIRMING', 'EXPIRED'],
  CONFIRMING: ['DONE', 'FAILED', 'UNKNOWN'],
  UNKNOWN: ['DONE', 'FAILED'],
  DONE: ['REFUNDING'],
  // Money found after we had called it failed or expired is given back.
  FAILED: ['REFUNDING'],
  EXPIRED: ['REFUNDING'],
  REFUNDING: ['REFUNDED'],
  REFUNDED: [],
};

export const canMovePayment = (from: PaymentStatus, to: PaymentStatus): boolean => MOVES[from].includes(to);

/** A provider call is out or its answer is not known: nothing else may start for this order. */
export const isPaymentActive = (status: PaymentStatus): boolean => status === 'CONFIRMING' || status === 'UNKNOWN';

/** Why a refund exists: the buyer asked, or money was captured that no order wants. */
export type RefundKind = 'BUYER' | 'LATE_MONEY';
export type RefundStatus = 'REFUNDING' | 'REFUNDED';
