/** What a confirm comes to, and how MariaDB's rows tell it. */
import type { ProblemCode } from '../../domain/errors';
import type { OrderStatus } from '../../domain/order';
import type { PaymentStatus } from '../../domain/payment';
import type { KeyStory } from '../../infra/mysql/repositories/payments';

export type ConfirmOutcome =
  | { readonly kind: 'done'; readonly paymentId: string; readonly amount: number; readonly approvedAt: string | null }
  | { readonly kind: 'declined'; readonly code: string; readonly message: string; readonly attemptsLeft: number }
  | {
      readonly kind: 'pending';
      readonly paymentId?: string;
      readonly status: PaymentStatus;
      readonly orderStatus: OrderStatus;
    }
  | { readonly kind: 'refused'; readonly code: ProblemCode };

/** The final word on a payment key, or null while it is READY, CONFIRMING or UNKNOWN. */
export function finalOf({ payment, orderStatus, declines }: KeyStory, attemptsMax: number): ConfirmOutcome | null {
  const { paymentId, amount, approvedAt, failureCode } = payment;
  switch (payment.status) {
    case 'DONE':
      return { kind: 'done', paymentId, amount, approvedAt: approvedAt?.toISOString() ?? null };
    case 'FAILED': {
      const attemptsLeft = orderStatus === 'PENDING_PAYMENT' ? Math.max(0, attemptsMax - declines) : 0;
      const code = failureCode ?? 'UNKNOWN';
      return { kind: 'declined', code, message: `The provider declined this payment (${code}).`, attemptsLeft };
    }
    // Captured, but what was captured is not, or no longer, a sale: CONFIRMED would not be true of the order.
    case 'REFUNDING':
    case 'REFUNDED':
    case 'EXPIRED':
      return { kind: 'refused', code: 'order_not_payable' };
    default:
      return null;
  }
}
