/**
 * The provider's book: every authorisation, capture and refund, as told by the ledger's lines and nothing else.
 * `apply` is the only way anything changes, live and when the file is replayed at start.
 */
import { type Behaviour, DEFAULT_BEHAVIOUR } from './behaviour';

/** All times are epoch milliseconds, all amounts won. `scope` names the idempotency key an answer is bound to. */
export type LedgerLine =
  | {
      readonly type: 'authorized';
      readonly at: number;
      readonly paymentKey: string;
      readonly orderId: string;
      readonly orderName: string;
      readonly amount: number;
      readonly card: string;
    }
  | {
      readonly type: 'captured';
      readonly at: number;
      readonly paymentKey: string;
      readonly amount: number;
      readonly scope: string | null;
    }
  | {
      readonly type: 'cancelled';
      readonly at: number;
      readonly paymentKey: string;
      readonly amount: number;
      readonly reason: string;
      readonly transactionKey: string;
      readonly scope: string | null;
    }
  /** a refusal for good; with `aborts` it ends the payment too */
  | {
      readonly type: 'refused';
      readonly at: number;
      readonly paymentKey: string;
      readonly aborts: boolean;
      readonly error: TossError;
      readonly scope: string | null;
    }
  | { readonly type: 'behaviour'; readonly at: number; readonly behaviour: Behaviour };

export interface TossError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export interface Refunded {
  readonly at: number;
  readonly amount: number;
  readonly reason: string;
  readonly transactionKey: string;
}

export interface BookedPayment {
  readonly paymentKey: string;
  readonly orderId: string;
  readonly orderName: string;
  readonly card: string;
  readonly requestedAt: number;
  /** what the buyer authorised */
  readonly amount: number;
  readonly captured: { readonly at: number; readonly amount: number; readonly scope: string | null } | null;
  readonly aborted: TossError | null;
  readonly refunds: readonly Refunded[];
}

/** The first answer under an idempotency key: the payment as it was then, or the refusal. */
export type BoundAnswer =
  | { readonly kind: 'payment'; readonly payment: BookedPayment }
  | { readonly kind: 'error'; readonly error: TossError };

export interface Book {
  apply(line: LedgerLine): void;
  payment(paymentKey: string): BookedPayment | undefined;
  /** Of an order's payments the one with money in it, else the latest. */
  paymentOfOrder(orderId: string): BookedPayment | undefined;
  paymentsOfOrder(orderId: string): readonly BookedPayment[];
  payments(): Iterable<BookedPayment>;
  answer(scope: string): BoundAnswer | undefined;
  behaviour(): Behaviour;
}

export function createBook(lines: readonly LedgerLine[]): Book {
  const payments = new Map<string, BookedPayment>();
  const orders = new Map<string, string[]>();
  const answers = new Map<string, BoundAnswer>();
  let behaviour = DEFAULT_BEHAVIOUR;

  function change(paymentKey: string, changes: (payment: BookedPayment) => Partial<BookedPayment>): BookedPayment {
    const before = payments.get(paymentKey);
    if (!before) throw new Error(`the ledger speaks of a payment it never authorised: ${paymentKey}`);
    const after = { ...before, ...changes(before) };
    payments.set(paymentKey, after);
    return after;
  }

  const bind = (scope: string | null, answer: BoundAnswer): void => {
    if (scope) answers.set(scope, answer);
  };

  function authorize(line: LedgerLine & { type: 'authorized' }): void {
    const { at, type: _, ...authorized } = line;
    payments.set(line.paymentKey, { ...authorized, requestedAt: at, captured: null, aborted: null, refunds: [] });
    orders.set(line.orderId, [...(orders.get(line.orderId) ?? []), line.paymentKey]);
  }

  function capture({ at, amount, scope, paymentKey }: LedgerLine & { type: 'captured' }): void {
    bind(scope, { kind: 'payment', payment: change(paymentKey, () => ({ captured: { at, amount, scope } })) });
  }

  function cancel(line: LedgerLine & { type: 'cancelled' }): void {
    const { at, amount, reason, transactionKey } = line;
    const refunded = { at, amount, reason, transactionKey };
    const payment = change(line.paymentKey, ({ refunds }) => ({ refunds: [...refunds, refunded] }));
    bind(line.scope, { kind: 'payment', payment });
  }

  function refuse({ aborts, error, scope, paymentKey }: LedgerLine & { type: 'refused' }): void {
    if (aborts) change(paymentKey, () => ({ aborted: error }));
    bind(scope, { kind: 'error', error });
  }

  function apply(line: LedgerLine): void {
    if (line.type === 'authorized') authorize(line);
    else if (line.type === 'captured') capture(line);
    else if (line.type === 'cancelled') cancel(line);
    else if (line.type === 'refused') refuse(line);
    else behaviour = line.behaviour;
  }

  for (const line of lines) apply(line);

  const paymentsOfOrder = (orderId: string): BookedPayment[] =>
    (orders.get(orderId) ?? []).flatMap((paymentKey) => payments.get(paymentKey) ?? []);

  return {
    apply,
    payment: (paymentKey) => payments.get(paymentKey),
    paymentOfOrder(orderId) {
      const all = paymentsOfOrder(orderId);
      return all.find(({ captured }) => captured) ?? all.at(-1);
    },
    paymentsOfOrder,
    payments: () => payments.values(),
    answer: (scope) => answers.get(scope),
    behaviour: () => behaviour,
  };
}

/** won that went back */
export const refundedOf = (payment: BookedPayment): number =>
  payment.refunds.reduce((sum, refund) => sum + refund.amount, 0);

/** won the provider still holds */
export const balanceOf = (payment: BookedPayment): number => (payment.captured?.amount ?? 0) - refundedOf(payment);
