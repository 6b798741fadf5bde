/** `GET /sandbox/ledger`: every capture and refund, with totals; what audits compare with the shop's own ledger. */
import { type Book, type BookedPayment, refundedOf } from './book';
import { koreanTime } from './toss';

export interface LedgerListing {
  readonly captures: readonly {
    readonly paymentKey: string;
    readonly orderId: string;
    /** won */
    readonly amount: number;
    readonly refunded: number;
    readonly approvedAt: string;
    /** the shop's key for this capture; null when it sent none */
    readonly idempotencyKey: string | null;
  }[];
  readonly refunds: readonly {
    readonly paymentKey: string;
    readonly orderId: string;
    readonly amount: number;
    readonly reason: string;
    readonly canceledAt: string;
  }[];
  /** won, and how many */
  readonly totals: {
    readonly captured: number;
    readonly refunded: number;
    readonly captures: number;
    readonly refunds: number;
  };
}

/** A scope is `<api key digest> <method> <url> <key>`; the key itself may hold blanks. */
const keyOf = (scope: string | null): string | null => scope?.split(' ').slice(3).join(' ') ?? null;

/** @param orderId only this order's; absent: all */
export function listLedger(book: Book, orderId?: string): LedgerListing {
  const paid = [...(orderId ? book.paymentsOfOrder(orderId) : book.payments())].filter((payment) => payment.captured);
  const captures = paid.map(captureView);
  const refunds = paid.flatMap(refundViews);
  return {
    captures,
    refunds,
    totals: {
      captured: captures.reduce((sum, capture) => sum + capture.amount, 0),
      refunded: refunds.reduce((sum, refund) => sum + refund.amount, 0),
      captures: captures.length,
      refunds: refunds.length,
    },
  };
}

const captureView = (payment: BookedPayment) => ({
  paymentKey: payment.paymentKey,
  orderId: payment.orderId,
  amount: payment.captured?.amount ?? 0,
  refunded: refundedOf(payment),
  approvedAt: koreanTime(payment.captured?.at ?? 0),
  idempotencyKey: keyOf(payment.captured?.scope ?? null),
});

const refundViews = ({ paymentKey, orderId, refunds }: BookedPayment) =>
  refunds.map(({ amount, reason, at }) => ({ paymentKey, orderId, amount, reason, canceledAt: koreanTime(at) }));
