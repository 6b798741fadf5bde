/** Confirming on real rows: what is answered, what stays under the idempotency key, and who may see it. */
import { randomUUID } from 'node:crypto';
import type { OwnerAnswer } from '../../api/payments/pursuit';
import { APPROVED_AT, ATTEMPTS, type ConfirmFixture, createConfirmFixture } from './support/confirming';
import { PRICE } from './support/ledger';

let shop: ConfirmFixture;
beforeAll(async () => {
  shop = await createConfirmFixture();
});
beforeEach(() => shop.reset());
afterAll(() => shop.destroy());

const refusal = (answer: Promise<unknown>) => expect(answer).rejects;

test('When the saga pays, then 200 says so, and repeats say it again without asking anybody', async () => {
  const order = await shop.opened();
  shop.owner = () => shop.sagaPays(order, 'key-1');
  const key = randomUUID();
  const answer = await shop.pay(order, 'key-1', key);
  const { orderId } = order;
  const body = {
    orderId,
    status: 'DONE',
    orderStatus: 'CONFIRMED',
    amount: PRICE,
    approvedAt: APPROVED_AT,
  };
  expect(answer).toMatchObject({ status: 200, isReplay: false, body });

  shop.owner = () => Promise.reject(new Error('asked again'));
  expect(await shop.pay(order, 'key-1', key)).toEqual({ status: 200, isReplay: true, body: answer.body });
  // Another client key, the same payment: the natural key answers.
  expect(await shop.pay(order, 'key-1')).toEqual({ ...answer, isReplay: false });
});

test('When twenty confirms of one payment come at once, then the saga is asked under one name and all hear the same', async () => {
  const order = await shop.opened();
  let paid: Promise<OwnerAnswer> | undefined;
  shop.owner = () => {
    paid ??= shop.sagaPays(order, 'key-2');
    return paid;
  };
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => shop.pay(order, 'key-2', key)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
});

test('When the card is declined, then 402 tells how many attempts are left, and its key repeats it', async () => {
  const order = await shop.opened();
  shop.owner = () => shop.sagaDeclines(order, 'bad-1');
  const key = randomUUID();
  const declined = {
    code: 'payment_declined',
    extra: { members: { attemptsLeft: 2, providerCode: 'REJECT_CARD_COMPANY' } },
  };
  await refusal(shop.pay(order, 'bad-1', key)).toMatchObject(declined);
  shop.owner = () => Promise.reject(new Error('asked again'));
  await refusal(shop.pay(order, 'bad-1', key)).toMatchObject({
    ...declined,
    extra: { ...declined.extra, headers: { 'idempotency-replayed': 'true' } },
  });
  await refusal(shop.pay(order, 'bad-1')).toMatchObject(declined);
  shop.owner = () => shop.sagaPays(order, 'good-1');
  expect(await shop.pay(order, 'good-1')).toMatchObject({ status: 200 });
});

test('When a key comes again with another body, then 422; when the first was refused, the key is free', async () => {
  const order = await shop.opened();
  const key = randomUUID();
  await refusal(shop.pay(order, 'key-3', key, PRICE + 1)).toMatchObject({ code: 'amount_mismatch' });
  shop.owner = () => shop.sagaPays(order, 'key-3');
  await shop.pay(order, 'key-3', key);
  await refusal(shop.pay(order, 'key-4', key)).toMatchObject({ code: 'idempotency_key_reused' });
});

test('When the saga refuses, then its reason is told, unless this very payment is the one under way', async () => {
  const order = await shop.opened();
  shop.owner = () => Promise.resolve({ kind: 'refused', code: 'payment_in_progress', status: 'CONFIRMING' });
  await shop.sql.change("UPDATE orders SET active_payment = 'another' WHERE id = ?", [order.orderId]);
  await refusal(shop.pay(order, 'key-7')).toMatchObject({ code: 'payment_in_progress' });
  await shop.sql.change('UPDATE orders SET active_payment = NULL WHERE id = ?', [order.orderId]);
  await shop.ledger.beginPayment({ ...order, paymentKey: 'key-8', amount: PRICE, attemptsMax: ATTEMPTS });
  expect(await shop.pay(order, 'key-8')).toMatchObject({ status: 202, body: { status: 'CONFIRMING' } });
});

test('When the order has ended, or is somebody else’s, then nothing is asked and nothing told', async () => {
  const order = await shop.opened();
  await shop.ledger.endOrder({ ...order, status: 'EXPIRED', reason: 'deadline_passed' });
  await refusal(shop.pay(order, 'key-9')).toMatchObject({ code: 'order_not_payable' });
  await refusal(shop.pay({ ...order, memberId: 'mem_other' }, 'key-9')).toMatchObject({ code: 'not_found' });
});

test('When a payment is asked for, then the READY one is found; after a decline a new one is made', async () => {
  const order = await shop.opened();
  const found = await shop.service.create(order.orderId, order.memberId);
  expect(found).toMatchObject({ isNew: false, body: { orderId: order.orderId, status: 'READY', amount: PRICE } });
  await shop.sagaDeclines(order, 'bad-2');
  const made = await shop.service.create(order.orderId, order.memberId);
  expect(made).toMatchObject({ isNew: true, body: { status: 'READY' } });
  expect(await shop.service.create(order.orderId, order.memberId)).toMatchObject({ isNew: false, body: made.body });
  // The saga pays with the row that was asked for.
  expect(await shop.sagaPays(order, 'good-2')).toMatchObject({ paymentId: made.body.paymentId });
  const list = await shop.service.list({ memberId: order.memberId, limit: 10 });
  expect(list.map((payment) => payment.status)).toEqual(['DONE', 'FAILED']);
  expect(await shop.service.list({ memberId: order.memberId, limit: 1, before: list[0]?.paymentId })).toEqual([
    list[1],
  ]);
  expect(await shop.service.list({ memberId: order.memberId, status: 'FAILED', limit: 10 })).toEqual([list[1]]);
  expect(await shop.service.find(made.body.paymentId, order.memberId)).toEqual(list[0]);
});

test('When it is somebody else’s, or the order has ended or is not opened in time, then it is refused', async () => {
  const order = await shop.opened();
  const { body } = await shop.service.create(order.orderId, order.memberId);
  await refusal(shop.service.find(body.paymentId, 'mem_other')).toMatchObject({ code: 'not_found' });
  await refusal(shop.service.create(order.orderId, 'mem_other')).toMatchObject({ code: 'not_found' });
  await shop.ledger.endOrder({ ...order, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
  await refusal(shop.service.create(order.orderId, order.memberId)).toMatchObject({ code: 'order_not_payable' });
  const queued = await shop.accepted(shop.productId);
  await refusal(shop.service.create(queued.orderId, queued.memberId)).toMatchObject({ code: 'order_not_payable' });
});
