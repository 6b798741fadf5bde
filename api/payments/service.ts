/** Payments as their owners see them: get-or-create, list, confirm; and the provider's webhooks. */
import type { z } from 'zod';
import { Problem } from '../../domain/errors';
import { CURRENCY } from '../../domain/money';
import type { Confirmation, Payment } from '../../domain/operations/payments';
import type { ConfirmKey, ConfirmKeys } from '../../infra/mysql/repositories/bound-keys';
import type { PaymentPage, PaymentsRepository, PaymentView } from '../../infra/mysql/repositories/payments';
import type { WebhooksRepository } from '../../infra/mysql/repositories/webhooks';
import type { Confirm } from './confirm';
import type { OrderWatch } from './order-watch';
import type { ConfirmOutcome } from './outcome';
import type { ConfirmRequest } from './pursuit';

export type PaymentBody = z.input<typeof Payment>;
export type ConfirmationBody = Partial<z.input<typeof Confirmation>>;

export interface PaymentsDeps {
  readonly payments: PaymentsRepository;
  readonly keys: ConfirmKeys;
  readonly webhooks: WebhooksRepository;
  readonly confirm: Confirm;
  readonly watch: OrderWatch;
  readonly setPaying: (orderId: string) => Promise<boolean>;
  /** how long a buyer waits for a queued order to be opened */
  readonly waitMs: number;
}
export interface Confirmed {
  readonly status: 200 | 202;
  readonly body: ConfirmationBody;
  readonly isReplay: boolean;
}
/** What is kept under a key: enough to say the same again. */
interface StoredDecline {
  readonly code: string;
  readonly message: string;
  readonly attemptsLeft: number;
}

export const paymentBody = (payment: PaymentView): PaymentBody => ({
  paymentId: payment.paymentId,
  orderId: payment.orderId,
  status: payment.status,
  amount: payment.amount,
  currency: CURRENCY,
  approvedAt: payment.approvedAt?.toISOString() ?? null,
  failureCode: payment.failureCode,
  createdAt: payment.createdAt.toISOString(),
  updatedAt: payment.updatedAt.toISOString(),
});

function doneBody(outcome: ConfirmOutcome & { kind: 'done' }, { orderId }: ConfirmRequest): ConfirmationBody {
  const { paymentId, amount, approvedAt } = outcome;
  return { paymentId, orderId, status: 'DONE', orderStatus: 'CONFIRMED', amount, approvedAt };
}

const declined = ({ code, message, attemptsLeft }: StoredDecline, isReplay = false): Problem =>
  new Problem('payment_declined', {
    detail: message,
    members: { attemptsLeft, providerCode: code },
    ...(isReplay ? { headers: { 'idempotency-replayed': 'true' } } : {}),
  });

const STILL_QUEUES = 'The order still waits in the line. It can be confirmed all the same: that moves it to the head.';

export function createPaymentsService(deps: PaymentsDeps) {
  const { payments, keys, webhooks } = deps;

  /** A final answer stays with its key, a refusal frees it; `pending` leaves it bound to this body. */
  async function settleKey(key: ConfirmKey, request: ConfirmRequest, outcome: ConfirmOutcome): Promise<void> {
    if (outcome.kind === 'done') await keys.finish(key, { status: 200, body: doneBody(outcome, request) });
    if (outcome.kind === 'declined') {
      const { code, message, attemptsLeft } = outcome;
      await keys.finish(key, { status: 402, body: { code, message, attemptsLeft } satisfies StoredDecline });
    }
    if (outcome.kind === 'refused') await keys.free(key);
  }

  function answerOf(outcome: ConfirmOutcome, request: ConfirmRequest): Confirmed {
    if (outcome.kind === 'refused') throw new Problem(outcome.code);
    if (outcome.kind === 'declined') throw declined(outcome);
    if (outcome.kind === 'done') return { status: 200, body: doneBody(outcome, request), isReplay: false };
    const { kind: _, ...known } = outcome;
    const { orderId, amount } = request;
    return { status: 202, body: { ...known, orderId, amount, approvedAt: null }, isReplay: false };
  }

  async function openPayment(orderId: string, memberId: string) {
    const until = Date.now() + deps.waitMs;
    for (;;) {
      const outcome = await payments.readyPayment(orderId, memberId);
      if (outcome.kind !== 'queued') return outcome;
      if (Date.now() >= until) throw new Problem('order_not_payable', { detail: STILL_QUEUES });
      // Whoever asks for a payment is about to pay: the head of the line.
      await deps.setPaying(orderId);
      const order = await payments.payableOrder(orderId, memberId);
      if (order) await deps.watch.changed(order, until - Date.now());
    }
  }

  return {
    /** @returns the READY payment (or the one under way), and whether it is new */
    async create(orderId: string, memberId: string): Promise<{ body: PaymentBody; isNew: boolean }> {
      const outcome = await openPayment(orderId, memberId);
      if (outcome.kind === 'notFound') throw new Problem('not_found');
      if (outcome.kind === 'notPayable') throw new Problem('order_not_payable');
      return { body: await this.find(outcome.paymentId, memberId), isNew: outcome.kind === 'made' };
    },

    async find(paymentId: string, memberId: string): Promise<PaymentBody> {
      const payment = await payments.find(paymentId, memberId);
      if (!payment) throw new Problem('not_found');
      return paymentBody(payment);
    },

    async list(page: PaymentPage): Promise<PaymentBody[]> {
      return (await payments.page(page)).map(paymentBody);
    },

    async confirm(request: ConfirmRequest, key: ConfirmKey): Promise<Confirmed> {
      const bound = await keys.bind(key);
      if (bound.kind === 'reused') throw new Problem('idempotency_key_reused');
      if (bound.kind === 'answered') {
        if (bound.status === 402) throw declined(bound.body as StoredDecline, true);
        return { status: 200, body: bound.body as ConfirmationBody, isReplay: true };
      }
      try {
        return answerOf(await deps.confirm.confirm(request, (end) => settleKey(key, request, end)), request);
      } catch (error) {
        // A 503 frees its key. Had the engine taken the payment all the same, whoever repeats it finds it: its own name is
        // the order and the payment key.
        if (error instanceof Problem && error.code === 'unavailable') await keys.free(key);
        throw error;
      }
    },

    /** Keeps the hint; it is worked on after the answer. */
    receiveWebhook: (payload: unknown): Promise<void> => webhooks.store(payload),

    close: (): Promise<void> => deps.confirm.close(),
  };
}

export type PaymentsService = ReturnType<typeof createPaymentsService>;
