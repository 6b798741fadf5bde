/**
 * Confirming on real rows: which saga is asked, what is answered, and what stays under the idempotency key.
 * The owner's voice is a function of each test; what it does to the rows is the ledger's own work.
 */
import { randomUUID } from 'node:crypto';
import { type Confirm, createConfirm } from '../../api/payments/confirm';
import { createOrderWatch, type OrderWatch } from '../../api/payments/order-watch';
import type { OwnerAnswer } from '../../api/payments/pursuit';
import { createPaymentsService, type PaymentsService } from '../../api/payments/service';
import { Problem } from '../../domain/errors';
import { createConfirmKeys } from '../../infra/mysql/repositories/bound-keys';
import { createPaymentsRepository } from '../../infra/mysql/repositories/payments';
import { createWebhooksRepository } from '../../infra/mysql/repositories/webhooks';
import { until } from '../support/until';
import { createLedgerFixture, type LedgerFixture, PRICE } from './support/ledger';

/** long enough for a busy machine; the tests that see it pass wait for it */
const WAIT_MS = 1_500;
const ATTEMPTS = 3;

let fixture: LedgerFixture;
let watch: OrderWatch;
let confirm: Confirm;
let service: PaymentsService;
let productId: string;
/** set by each test: what the order's saga says */
let owner: (workflowId: string, payment: { orderId: string; paymentKey: string }) => Promise<OwnerAnswer>;
let nudges = 0;
/** how often pursuits have looked at their orders */
let looks = 0;

beforeAll(async () => {
  fixture = await createLedgerFixture();
  const { source, ledger } = fixture;
  const repository = createPaymentsRepository(source);
  const payments: typeof repository = {
    ...repository,
    payableOrder: (...asked) => {
      looks += 1;
      return repository.payableOrder(...asked);
    },
  };
  watch = createOrderWatch(payments.payableOrders);
  confirm = createConfirm({
    payments,
    watch,
    setPaying: ledger.setPaying,
    askOwner: (workflowId, payment) => owner(workflowId, payment),
    nudgeSweeper: () => {
      nudges += 1;
    },
    attemptsMax: ATTEMPTS,
    waitMs: WAIT_MS,
    onLateError: (error) => {
      throw error;
    },
  });
  service = createPaymentsService({
    payments,
    keys: createConfirmKeys(source),
    webhooks: createWebhooksRepository(source),
    confirm,
    watch,
    setPaying: ledger.setPaying,
    waitMs: WAIT_MS,
  });
  productId = await fixture.product(1_000);
});
beforeEach(() => {
  nudges = 0;
  owner = () => Promise.reject(new Error('nobody was to be asked'));
});
afterAll(async () => {
  await service.close();
  await fixture.destroy();
});

interface Payable {
  readonly orderId: string;
  readonly memberId: string;
  readonly owner: string;
}
/** An order that its saga has opened. */
async function opened(): Promise<Payable> {
  const order = await fixture.claimed(productId);
  await fixture.ledger.markDispatched(order.owner);
  await fixture.ledger.openOrder({ orderId: order.orderId, owner: order.owner, holdMs: 60_000 });
  return order;
}
/** What a saga does when the provider says yes, or no. */
async function sagaPays(order: Payable, paymentKey: string): Promise<OwnerAnswer> {
  const begun = await fixture.ledger.beginPayment({ ...order, paymentKey, amount: PRICE, attemptsMax: ATTEMPTS });
  if (begun.kind !== 'begun') throw new Error(begun.kind);
  const { paymentId } = begun;
  const approvedAt = '2026-11-25T00:00:00.000Z';
  await fixture.ledger.recordCapture({ ...order, paymentId, approvedAt, amount: PRICE, method: null });
  return { kind: 'done', paymentId, approvedAt, amount: PRICE };
}
async function sagaDeclines(order: Payable, paymentKey: string): Promise<OwnerAnswer> {
  const begun = await fixture.ledger.beginPayment({ ...order, paymentKey, amount: PRICE, attemptsMax: ATTEMPTS });
  if (begun.kind !== 'begun') throw new Error(begun.kind);
  const { paymentId } = begun;
  const no = { code: 'REJECT_CARD_COMPANY', message: 'no' };
  const declined = await fixture.ledger.recordDecline({ ...order, paymentId, ...no, attemptsMax: ATTEMPTS });
  if (declined.kind !== 'declined') throw new Error(declined.kind);
  return { kind: 'declined', paymentId, ...no, attemptsLeft: declined.attemptsLeft };
}
function pay(order: { orderId: string; memberId: string }, paymentKey: string, key = randomUUID(), amount = PRICE) {
  const { orderId, memberId } = order;
  const bodyHash = Buffer.from(`${orderId}${paymentKey}${amount}`).toString('hex').slice(-64).padStart(64, '0');
  return service.confirm({ orderId, memberId, paymentKey, amount }, { memberId, key, bodyHash });
}
const refusal = (answer: Promise<unknown>) => expect(answer).rejects;

test('When the saga pays, then 200 says so, and repeats say it again without asking anybody', async () => {
  const order = await opened();
  owner = () => sagaPays(order, 'key-1');
  const key = randomUUID();
  const answer = await pay(order, 'key-1', key);
  const { orderId } = order;
  const body = {
    orderId,
    status: 'DONE',
    orderStatus: 'CONFIRMED',
    amount: PRICE,
    approvedAt: '2026-11-25T00:00:00.000Z',
  };
  expect(answer).toMatchObject({ status: 200, isReplay: false, body });

  owner = () => Promise.reject(new Error('asked again'));
  expect(await pay(order, 'key-1', key)).toEqual({ status: 200, isReplay: true, body: answer.body });
  // Another client key, the same payment: the natural key answers.
  expect(await pay(order, 'key-1')).toEqual({ ...answer, isReplay: false });
});

test('When twenty confirms of one payment come at once, then the saga is asked under one name and all hear the same', async () => {
  const order = await opened();
  let paid: Promise<OwnerAnswer> | undefined;
  owner = () => {
    paid ??= sagaPays(order, 'key-2');
    return paid;
  };
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => pay(order, 'key-2', key)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
});

test('When the card is declined, then 402 tells how many attempts are left, and its key repeats it', async () => {
  const order = await opened();
  owner = () => sagaDeclines(order, 'bad-1');
  const key = randomUUID();
  const declined = {
    code: 'payment_declined',
    extra: { members: { attemptsLeft: 2, providerCode: 'REJECT_CARD_COMPANY' } },
  };
  await refusal(pay(order, 'bad-1', key)).toMatchObject(declined);
  owner = () => Promise.reject(new Error('asked again'));
  await refusal(pay(order, 'bad-1', key)).toMatchObject({
    ...declined,
    extra: { ...declined.extra, headers: { 'idempotency-replayed': 'true' } },
  });
  await refusal(pay(order, 'bad-1')).toMatchObject(declined);
  owner = () => sagaPays(order, 'good-1');
  expect(await pay(order, 'good-1')).toMatchObject({ status: 200 });
});

test('When a key comes again with another body, then 422; when the first was refused, the key is free', async () => {
  const order = await opened();
  const key = randomUUID();
  await refusal(pay(order, 'key-3', key, PRICE + 1)).toMatchObject({ code: 'amount_mismatch' });
  owner = () => sagaPays(order, 'key-3');
  await pay(order, 'key-3', key);
  await refusal(pay(order, 'key-4', key)).toMatchObject({ code: 'idempotency_key_reused' });
});

test('When the saga does not know in time, then 202 names the payment; the key stays with this body and later tells the end', async () => {
  const order = await opened();
  const begun = await fixture.ledger.beginPayment({
    ...order,
    paymentKey: 'slow',
    amount: PRICE,
    attemptsMax: ATTEMPTS,
  });
  const paymentId = begun.kind === 'begun' ? begun.paymentId : '';
  let asked = 0;
  owner = () => {
    asked += 1;
    return Promise.resolve({ kind: 'pending', paymentId });
  };
  const key = randomUUID();
  expect(await pay(order, 'slow', key)).toMatchObject({
    status: 202,
    body: { paymentId, status: 'CONFIRMING', orderStatus: 'PENDING_PAYMENT', amount: PRICE, approvedAt: null },
  });
  await refusal(pay(order, 'other', key)).toMatchObject({ code: 'idempotency_key_reused' });
  await fixture.ledger.recordCapture({
    ...order,
    paymentId,
    approvedAt: '2026-11-25T00:00:00.000Z',
    amount: PRICE,
    method: null,
  });
  expect(await pay(order, 'slow', key)).toMatchObject({ status: 200, body: { paymentId, status: 'DONE' } });
  // Asked again, the owner could only repeat "pending": MariaDB told the end.
  expect(asked).toBe(1);
});

test('When the saga answers after the caller was told 202, then the answer is kept under the key', async () => {
  const order = await opened();
  let answer = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    answer = resolve;
  });
  owner = async () => {
    await late;
    return sagaPays(order, 'later');
  };
  const key = randomUUID();
  expect(await pay(order, 'later', key)).toMatchObject({ status: 202, body: { orderStatus: 'PENDING_PAYMENT' } });
  answer();
  const kept = () =>
    fixture.sql.rows<{ status: number }>('SELECT status FROM idempotency_keys WHERE idempotency_key = ?', [key]);
  await until(async () => (await kept())[0]?.status === 200, { within: 5_000, what: 'the kept answer' });
});

test('When the order is still queued, then it moves to the head of the line, and is paid as soon as a saga has it', async () => {
  const order = await fixture.accepted(productId);
  const asked: string[] = [];
  const answer = pay(order, 'early');
  await until(
    async () => {
      const [row] = await fixture.sql.rows<{ paying: number }>('SELECT paying FROM orders WHERE id = ?', [
        order.orderId,
      ]);
      return row?.paying === 1;
    },
    { within: 2_000, what: 'paying' },
  );
  const claim = await fixture.ledger.claimOrders({ groupMax: 1, inFlightMax: 10_000, nameOwner: () => 'wf-early' });
  expect(claim?.orders.map((each) => each.orderId)).toEqual([order.orderId]);
  owner = async (workflowId) => {
    asked.push(workflowId);
    const owned = { orderId: order.orderId, owner: workflowId };
    await fixture.ledger.openOrder({ ...owned, holdMs: 60_000 });
    return sagaPays({ ...order, ...owned }, 'early');
  };
  // The workflow is not there until the dispatcher has started it: whoever looks now finds the claim, and asks nobody.
  const before = looks;
  watch.wake(order.orderId);
  await until(() => looks > before, { within: 2_000, what: 'a look at the claim' });
  await fixture.ledger.markDispatched('wf-early');
  expect(await answer).toMatchObject({ status: 200, body: { orderStatus: 'CONFIRMED' } });
  expect(asked).toEqual(['wf-early']);
  expect(nudges).toBe(0);
});

test('When nobody takes the queued order in time, then 202, and the payment is made when somebody does', async () => {
  const order = await fixture.accepted(productId);
  expect(await pay(order, 'patient')).toMatchObject({ status: 202, body: { status: 'READY', orderStatus: 'QUEUED' } });
  const workflowId = `checkout-${order.orderId}`;
  owner = async () => {
    await fixture.ledger.openOrder({ orderId: order.orderId, owner: workflowId, holdMs: 60_000 });
    return sagaPays({ ...order, owner: workflowId }, 'patient');
  };
  await fixture.sql.change('UPDATE orders SET owner = ?, dispatched_at = UTC_TIMESTAMP(3) WHERE id = ?', [
    workflowId,
    order.orderId,
  ]);
  const status = async () =>
    (await fixture.sql.rows<{ status: string }>('SELECT status FROM orders WHERE id = ?', [order.orderId]))[0]?.status;
  await until(async () => (await status()) === 'CONFIRMED', { within: 5_000, what: 'CONFIRMED' });
});

test('When the owner is gone, then the sweeper is told, and the next owner is asked', async () => {
  const order = await opened();
  const next = `checkout-${order.orderId}-r1`;
  owner = async (workflowId) => {
    if (workflowId === next) return sagaPays({ ...order, owner: next }, 'key-5');
    await fixture.ledger.takeOver({ orderId: order.orderId, expectedOwner: order.owner, newOwner: next, epoch: 1 });
    return { kind: 'gone' };
  };
  expect(await pay(order, 'key-5')).toMatchObject({ status: 200 });
  expect(nudges).toBe(1);
});

test('When the engine is away, then 503 and nothing is written, not even the key', async () => {
  const order = await opened();
  owner = () => Promise.reject(new Problem('unavailable', { retryAfterS: 1 }));
  const key = randomUUID();
  await refusal(pay(order, 'key-6', key)).toMatchObject({ code: 'unavailable' });
  expect(await fixture.sql.rows('SELECT 1 FROM idempotency_keys WHERE idempotency_key = ?', [key])).toEqual([]);
  expect(
    await fixture.sql.rows("SELECT 1 FROM payments WHERE order_id = ? AND status <> 'READY'", [order.orderId]),
  ).toEqual([]);
});

test('When the card before was declined and its saga does not know yet, then the next card is not refused', async () => {
  const order = await opened();
  await sagaDeclines(order, 'bad-3');
  let asked = 0;
  owner = async () => {
    asked += 1;
    if (asked < 3) return { kind: 'refused', code: 'payment_in_progress', status: 'CONFIRMING' };
    return sagaPays(order, 'good-3');
  };
  expect(await pay(order, 'good-3')).toMatchObject({ status: 200 });
  expect(asked).toBe(3);
});

test('When the saga refuses, then its reason is told, unless this very payment is the one under way', async () => {
  const order = await opened();
  owner = () => Promise.resolve({ kind: 'refused', code: 'payment_in_progress', status: 'CONFIRMING' });
  await fixture.sql.change("UPDATE orders SET active_payment = 'another' WHERE id = ?", [order.orderId]);
  await refusal(pay(order, 'key-7')).toMatchObject({ code: 'payment_in_progress' });
  await fixture.sql.change('UPDATE orders SET active_payment = NULL WHERE id = ?', [order.orderId]);
  await fixture.ledger.beginPayment({ ...order, paymentKey: 'key-8', amount: PRICE, attemptsMax: ATTEMPTS });
  expect(await pay(order, 'key-8')).toMatchObject({ status: 202, body: { status: 'CONFIRMING' } });
});

test('When the order has ended, or is somebody else’s, then nothing is asked and nothing told', async () => {
  const order = await opened();
  await fixture.ledger.endOrder({ ...order, status: 'EXPIRED', reason: 'deadline_passed' });
  await refusal(pay(order, 'key-9')).toMatchObject({ code: 'order_not_payable' });
  await refusal(pay({ ...order, memberId: 'mem_other' }, 'key-9')).toMatchObject({ code: 'not_found' });
});

describe('payments', () => {
  test('When a payment is asked for, then the READY one is found; after a decline a new one is made', async () => {
    const order = await opened();
    const found = await service.create(order.orderId, order.memberId);
    expect(found).toMatchObject({ isNew: false, body: { orderId: order.orderId, status: 'READY', amount: PRICE } });
    await sagaDeclines(order, 'bad-2');
    const made = await service.create(order.orderId, order.memberId);
    expect(made).toMatchObject({ isNew: true, body: { status: 'READY' } });
    expect(await service.create(order.orderId, order.memberId)).toMatchObject({ isNew: false, body: made.body });
    // The saga pays with the row that was asked for.
    expect(await sagaPays(order, 'good-2')).toMatchObject({ paymentId: made.body.paymentId });
    const list = await service.list({ memberId: order.memberId, limit: 10 });
    expect(list.map((payment) => payment.status)).toEqual(['DONE', 'FAILED']);
    expect(await service.list({ memberId: order.memberId, limit: 1, before: list[0]?.paymentId })).toEqual([list[1]]);
    expect(await service.list({ memberId: order.memberId, status: 'FAILED', limit: 10 })).toEqual([list[1]]);
    expect(await service.find(made.body.paymentId, order.memberId)).toEqual(list[0]);
  });

  test('When it is somebody else’s, or the order has ended or is not opened in time, then it is refused', async () => {
    const order = await opened();
    const { body } = await service.create(order.orderId, order.memberId);
    await refusal(service.find(body.paymentId, 'mem_other')).toMatchObject({ code: 'not_found' });
    await refusal(service.create(order.orderId, 'mem_other')).toMatchObject({ code: 'not_found' });
    await fixture.ledger.endOrder({ ...order, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
    await refusal(service.create(order.orderId, order.memberId)).toMatchObject({ code: 'order_not_payable' });
    const queued = await fixture.accepted(productId);
    await refusal(service.create(queued.orderId, queued.memberId)).toMatchObject({ code: 'unavailable' });
  });
});
