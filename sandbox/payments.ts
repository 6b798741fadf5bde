/**
 * What the provider does: authorise, confirm, look up, cancel. Each operation answers with an `Outcome`;
 * an effect is in the ledger, durable, before anybody hears of it.
 * Idempotency as Toss has it: matched on key, API key, method and URL, never on the body; while the first
 * request runs a second gets 409; faults without effect bind nothing.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { happens, type KnobSet, knobsFor } from './behaviour';
import { type Book, type BookedPayment, balanceOf, type LedgerLine, type TossError } from './book';
import type { LedgerFile } from './ledger-file';
import { paymentView, statusOf, tossError } from './toss';
import type { Webhooks } from './webhooks';

/** `drop`: the connection is destroyed without an answer. */
export type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'drop' };

export interface PaymentsDeps {
  readonly book: Book;
  readonly ledger: LedgerFile<LedgerLine>;
  readonly webhooks: Webhooks;
  readonly now: () => number;
}
export interface Authorization {
  readonly orderId: string;
  readonly orderName: string;
  readonly amount: number;
  readonly card: string;
}
export interface ConfirmBody {
  readonly paymentKey: string;
  readonly orderId: string;
  readonly amount: number;
}
export interface CancelBody {
  readonly cancelReason: string;
  readonly cancelAmount?: number | undefined;
}
export interface Payments {
  authorize(authorization: Authorization): Promise<{ readonly paymentKey: string }>;
  confirm(body: ConfirmBody, scope: string | null): Promise<Outcome>;
  lookUp(paymentKey: string): Promise<Outcome>;
  lookUpByOrder(orderId: string): Promise<Outcome>;
  cancel(paymentKey: string, body: CancelBody, scope: string | null): Promise<Outcome>;
}

type Effect = Extract<LedgerLine, { type: 'captured' | 'cancelled' | 'refused' }>;

const failure = (error: TossError): Outcome => ({
  kind: 'answer',
  status: error.status,
  body: { code: error.code, message: error.message },
});

export function createPayments({ book, ledger, webhooks, now }: PaymentsDeps): Payments {
  /** scopes whose first request has not ended; dies with the process, as the requests do */
  const running = new Set<string>();

  const knobsOf = (payment: BookedPayment | undefined): KnobSet => knobsFor(book.behaviour(), payment?.card ?? null);

  function view(payment: BookedPayment): Outcome {
    const { authorizationLifeMs } = knobsOf(payment);
    return { kind: 'answer', status: 200, body: paymentView(payment, { now: now(), authorizationLifeMs }) };
  }

  /** Trouble before anything is done: nothing is written, no key is bound. */
  function troubleBefore(knobs: KnobSet): Outcome | null {
    if (happens(knobs.errorShare)) return failure(tossError('FAILED_INTERNAL_SYSTEM_PROCESSING'));
    if (happens(knobs.rateLimitShare)) return failure(tossError('TOO_MANY_REQUESTS'));
    return null;
  }

  async function record(line: LedgerLine): Promise<void> {
    book.apply(line);
    await ledger.append(line);
  }

  /** The first answer under this scope, or none. Waits until what it tells is on the disk. */
  async function boundAnswer(scope: string): Promise<Outcome | null> {
    const bound = book.answer(scope);
    if (!bound) return null;
    await ledger.settled();
    return bound.kind === 'payment' ? view(bound.payment) : failure(bound.error);
  }

  async function once(scope: string | null, run: () => Promise<Outcome>): Promise<Outcome> {
    if (!scope) return run();
    if (running.has(scope)) return failure(tossError('IDEMPOTENT_REQUEST_PROCESSING'));
    const answer = await boundAnswer(scope);
    if (answer) return answer;
    if (running.has(scope)) return failure(tossError('IDEMPOTENT_REQUEST_PROCESSING'));
    running.add(scope);
    try {
      return await run();
    } finally {
      running.delete(scope);
    }
  }

  /** Waits as long as the provider thinks, decides, writes, tells; the way back may fail after that. */
  async function perform(paymentKey: string, decide: (payment: BookedPayment | undefined) => Effect | TossError) {
    const knobs = knobsOf(book.payment(paymentKey));
    const trouble = troubleBefore(knobs);
    if (trouble) return trouble;
    if (knobs.delayMs > 0) await pause(knobs.delayMs);
    const decided = decide(book.payment(paymentKey));
    if (!('type' in decided)) return failure(decided);
    await record(decided);
    const payment = book.payment(paymentKey) as BookedPayment;
    if (decided.type !== 'refused' || decided.aborts) webhooks.announce(payment, knobs);
    if (decided.type === 'refused') return failure(decided.error);
    if (happens(knobs.approveThenDrop)) return { kind: 'drop' } as const;
    if (happens(knobs.approveThen500)) return failure(tossError('FAILED_INTERNAL_SYSTEM_PROCESSING'));
    return view(payment);
  }

  function decideConfirm(body: ConfirmBody, scope: string | null, payment: BookedPayment | undefined) {
    const { orderId, amount, paymentKey } = body;
    const knobs = knobsOf(payment);
    const at = now();
    if (!payment) return tossError('NOT_FOUND_PAYMENT_SESSION');
    const status = statusOf(payment, { now: at, authorizationLifeMs: knobs.authorizationLifeMs });
    if (status === 'EXPIRED') return tossError('NOT_FOUND_PAYMENT_SESSION');
    // Whatever order it is sent for: the key has been used.
    if (status !== 'IN_PROGRESS') return tossError('ALREADY_PROCESSED_PAYMENT');
    // A session is one key for one order and amount: anything else names a session that does not exist.
    if (payment.orderId !== orderId || payment.amount !== amount) return tossError('NOT_FOUND_PAYMENT_SESSION');
    if (happens(knobs.declineShare)) {
      return { type: 'refused', at, paymentKey, aborts: true, error: tossError(knobs.declineCode), scope } as const;
    }
    return { type: 'captured', at, paymentKey, amount: amount + knobs.captureOffBy, scope } as const;
  }

  function decideCancel(body: CancelBody, scope: string | null, payment: BookedPayment | undefined) {
    if (!payment) return tossError('NOT_FOUND_PAYMENT');
    const { refundRefusal } = knobsOf(payment);
    const { paymentKey } = payment;
    const balance = balanceOf(payment);
    const amount = body.cancelAmount ?? balance;
    const at = now();
    if (refundRefusal) {
      return { type: 'refused', at, paymentKey, aborts: false, error: tossError(refundRefusal), scope } as const;
    }
    if (!payment.captured) return tossError('NOT_CANCELABLE_PAYMENT');
    if (balance === 0) return tossError('ALREADY_CANCELED_PAYMENT');
    if (amount > balance) return tossError('NOT_CANCELABLE_AMOUNT');
    const transactionKey = randomBytes(16).toString('hex').toUpperCase();
    return { type: 'cancelled', at, paymentKey, amount, reason: body.cancelReason, transactionKey, scope } as const;
  }

  async function show(payment: BookedPayment | undefined): Promise<Outcome> {
    const trouble = troubleBefore(knobsOf(payment));
    if (trouble) return trouble;
    await ledger.settled();
    return payment ? view(payment) : failure(tossError('NOT_FOUND_PAYMENT'));
  }

  return {
    async authorize(authorization) {
      const paymentKey = `sbx_${randomUUID().replaceAll('-', '')}`;
      await record({ type: 'authorized', at: now(), paymentKey, ...authorization });
      const payment = book.payment(paymentKey) as BookedPayment;
      webhooks.forge(payment, knobsOf(payment));
      return { paymentKey };
    },
    confirm: (body, scope) =>
      once(scope, () => perform(body.paymentKey, (payment) => decideConfirm(body, scope, payment))),
    lookUp: (paymentKey) => show(book.payment(paymentKey)),
    lookUpByOrder: (orderId) => show(book.paymentOfOrder(orderId)),
    cancel: (paymentKey, body, scope) =>
      once(scope, () => perform(paymentKey, (payment) => decideCancel(body, scope, payment))),
  };
}
