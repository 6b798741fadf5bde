/** Refunds through the gateway: by the buyer, by an admin, refused; money, rows and units after it. */
import { randomUUID } from 'node:crypto';
import { type Buying, createBuying } from './support/buying';
import { type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

let system: System;
let shop: Shop;
let buying: Buying;
let buyer: Buyer;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  buying = createBuying(shop);
  buyer = await shop.signUp();
});
afterAll(() => system.close());

const paid = async (fields: Readonly<Record<string, unknown>> = {}) => {
  const order = await buying.payable(buyer, fields);
  expect((await buying.pay(buyer, order)).answer.status).toBe(200);
  return order;
};
/** @param key null: none is sent */
const ask = (orderId: string, token: string, key: string | null = randomUUID(), reason = 'changed my mind') =>
  send<{ refundId: string; status: string }>('POST', `${shop.gateway}/v1/orders/${orderId}/refunds`, {
    token,
    body: { reason },
    headers: key === null ? {} : { 'idempotency-key': key },
  });
const refundsOf = (orderId: string) =>
  system.rows('SELECT kind, requested_by, amount, reason FROM refunds WHERE order_id = ?', [orderId]);

test('When a confirmed order is refunded, then the money goes back in full, and the units come back after it', async () => {
  const order = await paid({ stock: 1, limitPerMember: 1 });
  const key = randomUUID();
  const stranger = await shop.signUp();

  expect((await ask(order.orderId, stranger.token)).status).toBe(404);
  const refund = await ask(order.orderId, buyer.token, key);
  const again = await ask(order.orderId, buyer.token, key);
  const second = await ask(order.orderId, buyer.token);

  expect(refund).toMatchObject({ status: 202, body: { status: 'REFUNDING' } });
  expect(again).toMatchObject({ status: 202, body: refund.body });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(second).toMatchObject({ status: 409, body: { code: 'order_not_refundable' } });
  await system.untilOrder(order.orderId, 'REFUNDED');
  const location = refund.headers.get('location') ?? '';
  expect((await shop.get(location, buyer.token)).body).toMatchObject({ status: 'REFUNDED', amount: order.amount });
  expect((await shop.get(location, stranger.token)).status).toBe(404);
  expect(await system.captured(order.orderId)).toBe(0);
  expect(await system.stock(order.productId)).toEqual({ on_hand: 1, held: 0, sold: 0 });
  await system.untilGateAvailable(order.productId, 1);
  const afresh = await shop.checkout(buyer, [{ productId: order.productId, quantity: 1 }]);
  expect(afresh.status).toBe(202);
});

test('When two orders are refunded under one key at the same moment, then one is, and the other is told of the key', async () => {
  const orders = [await paid(), await paid()];
  const key = randomUUID();
  const answers = await Promise.all(orders.map(({ orderId }) => ask(orderId, buyer.token, key)));
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 422]);
  const [refused] = answers.flatMap(({ status }, n) => (status === 422 ? [orders[n]] : []));
  expect(await refundsOf(refused?.orderId ?? '')).toEqual([]);
});

test('When a refunded order is paid again under another key, then it is not said to be confirmed; the first key says what it said', async () => {
  const order = await buying.payable(buyer);
  const key = randomUUID();
  const { payment, answer } = await buying.pay(buyer, order, { key });
  expect(answer).toMatchObject({ status: 200, body: { orderStatus: 'CONFIRMED' } });
  expect((await ask(order.orderId, buyer.token, randomUUID())).status).toBe(202);
  await system.untilOrder(order.orderId, 'REFUNDED');

  const again = await shop.confirm(buyer, payment, randomUUID());
  expect(again).toMatchObject({ status: 409, body: { code: 'order_not_payable' } });
  expect(await shop.confirm(buyer, payment, key)).toMatchObject({ status: 200, body: answer.body });
});

test('When an admin refunds, then the buyer’s money goes back, the row names the admin, and both can follow it', async () => {
  const order = await paid({ stock: 3 });
  const admin = await shop.admin();
  const username = system.addresses.admin.username;
  const [member] = await system.rows('SELECT id FROM members WHERE username = ?', [username]);

  const refund = await ask(order.orderId, admin, randomUUID(), 'recalled');

  expect(refund.status).toBe(202);
  expect(refund.headers.get('location')).toBe(`/v1/orders/${order.orderId}/refunds/${refund.body.refundId}`);
  await system.untilOrder(order.orderId, 'REFUNDED');
  const rows = await refundsOf(order.orderId);
  expect(rows).toMatchObject([{ requested_by: member?.id, reason: 'recalled' }]);
  expect(Number(rows[0]?.amount)).toBe(order.amount);
  for (const token of [admin, buyer.token]) {
    const shown = await shop.get(refund.headers.get('location') ?? '', token);
    expect(shown).toMatchObject({ status: 200, body: { status: 'REFUNDED', reason: 'recalled' } });
  }
  expect(await system.captured(order.orderId)).toBe(0);
  expect(await system.stock(order.productId)).toEqual({ on_hand: 3, held: 0, sold: 0 });
  await system.untilGateAvailable(order.productId, 3);
});

test('When the key is missing, or was used for another refund, then 400 and 422, and no money moves for it', async () => {
  const first = await paid();
  const second = await paid();
  const key = randomUUID();

  const missing = await ask(first.orderId, buyer.token, null);
  expect(await refundsOf(first.orderId)).toEqual([]);
  const refund = await ask(first.orderId, buyer.token, key);
  const otherBody = await ask(first.orderId, buyer.token, key, 'another reason');
  const otherOrder = await ask(second.orderId, buyer.token, key);

  expect(missing).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  expect(refund.status).toBe(202);
  expect(otherBody).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  expect(otherOrder).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  expect(await refundsOf(first.orderId)).toMatchObject([{ reason: 'changed my mind' }]);
  expect(await refundsOf(second.orderId)).toEqual([]);
  expect((await system.order(second.orderId)).status).toBe('CONFIRMED');
  expect(await system.captured(second.orderId)).toBe(second.amount);
});

test('When an order is not confirmed, then there is nothing to refund, and the refusal frees the key', async () => {
  const order = await buying.payable(buyer);
  const key = randomUUID();

  const refused = await ask(order.orderId, buyer.token, key);

  expect(refused).toMatchObject({ status: 409, body: { code: 'order_not_refundable' } });
  expect(await refundsOf(order.orderId)).toEqual([]);
  expect((await system.order(order.orderId)).status).toBe('PENDING_PAYMENT');
  expect((await ask((await paid()).orderId, buyer.token, key)).status).toBe(202);
});
