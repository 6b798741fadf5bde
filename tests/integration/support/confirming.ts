/**
 * The payments service on real rows, with the voice of an order's owner in the hands of the test. What the owner does to the
 * rows is the ledger's own work.
 */
import { randomUUID } from 'node:crypto';
import { createConfirm } from '../../../api/payments/confirm';
import { createOrderWatch, type OrderWatch } from '../../../api/payments/order-watch';
import type { OwnerAnswer } from '../../../api/payments/pursuit';
import { createPaymentsService, type PaymentsService } from '../../../api/payments/service';
import { createConfirmKeys } from '../../../infra/mysql/repositories/bound-keys';
import { createPaymentsRepository } from '../../../infra/mysql/repositories/payments';
import { createWebhooksRepository } from '../../../infra/mysql/repositories/webhooks';
import { createLedgerFixture, type LedgerFixture, PRICE } from './ledger';

/** long enough for a busy machine; the tests that see it pass wait for it */
const WAIT_MS = 1_500;
export const ATTEMPTS = 3;
export const APPROVED_AT = '2026-11-25T00:00:00.000Z';

export interface Payable {
  readonly orderId: string;
  readonly memberId: string;
  readonly owner: string;
}
type Confirmed = ReturnType<PaymentsService['confirm']>;

export interface ConfirmFixture extends LedgerFixture {
  readonly service: PaymentsService;
  readonly watch: OrderWatch;
  readonly productId: string;
  /** what the order's saga says; set by each test */
  owner: (workflowId: string, payment: { orderId: string; paymentKey: string }) => Promise<OwnerAnswer>;
  /** how often the sweeper was told of an owner that is gone */
  nudges: number;
  /** how often pursuits have looked at their orders */
  looks: number;
  /** orders that pursuits have moved to the head of the line, each time */
  readonly moves: string[];
  /** Nobody is expected to be asked. */
  reset(): void;
  /** An order that its saga has opened. */
  opened(): Promise<Payable>;
  /** What a saga does when the provider says yes. */
  sagaPays(order: Payable, paymentKey: string): Promise<OwnerAnswer>;
  /** What a saga does when the provider says no. */
  sagaDeclines(order: Payable, paymentKey: string): Promise<OwnerAnswer>;
  /** A confirm, as the route asks for it. */
  pay(order: { orderId: string; memberId: string }, paymentKey: string, key?: string, amount?: number): Confirmed;
}

export async function createConfirmFixture(): Promise<ConfirmFixture> {
  const fixture = await createLedgerFixture();
  const { source, ledger } = fixture;
  const repository = createPaymentsRepository(source);
  const payments: typeof repository = {
    ...repository,
    payableOrder: (...asked) => {
      shop.looks += 1;
      return repository.payableOrder(...asked);
    },
  };
  const watch = createOrderWatch(payments.payableOrders);
  const confirm = createConfirm({
    payments,
    watch,
    setPaying: (orderId) => {
      shop.moves.push(orderId);
      return ledger.setPaying(orderId);
    },
    askOwner: (workflowId, payment) => shop.owner(workflowId, payment),
    nudgeSweeper: () => {
      shop.nudges += 1;
    },
    attemptsMax: ATTEMPTS,
    waitMs: WAIT_MS,
    onLateError: (error) => {
      throw error;
    },
  });
  const service = createPaymentsService({
    payments,
    keys: createConfirmKeys(source),
    webhooks: createWebhooksRepository(source),
    confirm,
    watch,
    setPaying: ledger.setPaying,
    waitMs: WAIT_MS,
  });
  const productId = await fixture.product(1_000);

  const begun = async (order: Payable, paymentKey: string): Promise<string> => {
    const begin = await ledger.beginPayment({ ...order, paymentKey, amount: PRICE, attemptsMax: ATTEMPTS });
    if (begin.kind !== 'begun') throw new Error(begin.kind);
    return begin.paymentId;
  };
  const nobody = (): Promise<OwnerAnswer> => Promise.reject(new Error('nobody was to be asked'));

  const shop: ConfirmFixture = {
    ...fixture,
    service,
    watch,
    productId,
    owner: nobody,
    nudges: 0,
    looks: 0,
    moves: [],
    reset() {
      shop.nudges = 0;
      shop.owner = nobody;
    },
    async opened() {
      const order = await fixture.claimed(productId);
      await ledger.markDispatched(order.owner);
      await ledger.openOrder({ orderId: order.orderId, owner: order.owner, holdMs: 60_000 });
      return order;
    },
    async sagaPays(order, paymentKey) {
      const paymentId = await begun(order, paymentKey);
      await ledger.recordCapture({ ...order, paymentId, approvedAt: APPROVED_AT, amount: PRICE, method: null });
      return { kind: 'done', paymentId, approvedAt: APPROVED_AT, amount: PRICE };
    },
    async sagaDeclines(order, paymentKey) {
      const paymentId = await begun(order, paymentKey);
      const no = { code: 'REJECT_CARD_COMPANY', message: 'no' };
      const declined = await ledger.recordDecline({ ...order, paymentId, ...no, attemptsMax: ATTEMPTS });
      if (declined.kind !== 'declined') throw new Error(declined.kind);
      return { kind: 'declined', paymentId, ...no, attemptsLeft: declined.attemptsLeft };
    },
    pay({ orderId, memberId }, paymentKey, key = randomUUID(), amount = PRICE) {
      const bodyHash = Buffer.from(`${orderId}${paymentKey}${amount}`).toString('hex').slice(-64).padStart(64, '0');
      return service.confirm({ orderId, memberId, paymentKey, amount }, { memberId, key, bodyHash });
    },
    async destroy() {
      await service.close();
      await fixture.destroy();
    },
  };
  return shop;
}
