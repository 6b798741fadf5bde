/** POST /v1/checkouts/{orderId}/cancel through the gateway: in every state of an order, and by its key. */
import { randomUUID } from 'node:crypto';
import { type Buying, createBuying, newCard } from './support/buying';
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

/** time to cancel while the provider thinks; below what the saga waits for one call of it (8 s) */
const SLOW_MS = 4_500;

const statusOf = async (orderId: string) => (await system.order(orderId)).status;
const keyRows = (key: string) =>
  system.rows('SELECT scope, status FROM idempotency_keys WHERE idempotency_key = ?', [key]);

test('When a payable order is cancelled, then its units are free at once in ledger and gate, and a repeat says the same', async () => {
  const { productId, orderId } = await buying.payable(buyer, { stock: 3, limitPerMember: 2 }, 2);
  const key = randomUUID();

  const cancelled = await shop.cancel(buyer, orderId, key);
  const again = await shop.cancel(buyer, orderId, key);

  expect(cancelled).toMatchObject({ status: 200, body: { status: 'CANCELLED' } });
  expect(cancelled.headers.get('idempotency-replayed')).toBeNull();
  expect(again).toMatchObject({ status: 200, body: { status: 'CANCELLED', timeline: cancelled.body.timeline } });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(await system.stock(productId)).toEqual({ on_hand: 3, held: 0, sold: 0 });
  await system.untilGateAvailable(productId, 3);
  expect((await shop.checkout(buyer, [{ productId, quantity: 2 }])).status).toBe(202);
});

test('When it is cancelled again under a new key, then 200 and no replay: its wish is fulfilled, by another request', async () => {
  const { productId, orderId } = await buying.payable(buyer, { stock: 3 });
  expect((await shop.cancel(buyer, orderId)).status).toBe(200);

  const other = await shop.cancel(buyer, orderId);

  expect(other).toMatchObject({ status: 200, body: { status: 'CANCELLED' } });
  expect(other.headers.get('idempotency-replayed')).toBeNull();
  expect(await system.stock(productId)).toEqual({ on_hand: 3, held: 0, sold: 0 });
});

test('When many cancels come at once, under one key and under others, then units are given back once', async () => {
  const { productId, orderId } = await buying.payable(buyer, { stock: 5 }, 2);
  const key = randomUUID();
  const keys = [...Array.from({ length: 4 }, () => key), ...Array.from({ length: 4 }, () => randomUUID())];

  const answers = await Promise.all(keys.map((each) => shop.cancel(buyer, orderId, each)));

  expect(answers.map(({ status, body }) => [status, body.status])).toEqual(keys.map(() => [200, 'CANCELLED']));
  expect(await system.stock(productId)).toEqual({ on_hand: 5, held: 0, sold: 0 });
  await system.untilGateAvailable(productId, 5);
  const history = await system.rows("SELECT 1 FROM order_history WHERE order_id = ? AND status = 'CANCELLED'", [
    orderId,
  ]);
  expect(history).toHaveLength(1);
});

test('When an order is cancelled while it queues, then it ends in MariaDB, its units are free, and no saga takes it', async () => {
  const productId = await shop.createProduct({ stock: 4 });

  const orderId = await system.whileStopped('dispatcher', async () => {
    const { body } = await shop.checkout(buyer, [{ productId, quantity: 3 }]);
    expect(await system.order(body.orderId)).toMatchObject({ status: 'QUEUED', owner: null });
    const cancelled = await shop.cancel(buyer, body.orderId);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'CANCELLED', ahead: null } });
    expect(cancelled.body.timeline).toMatchObject([{ status: 'QUEUED' }, { status: 'CANCELLED' }]);
    return body.orderId;
  });

  expect(await system.stock(productId)).toEqual({ on_hand: 4, held: 0, sold: 0 });
  await system.untilGateAvailable(productId, 4);
  // The dispatcher goes on with those behind it.
  const next = await shop.checkout(buyer, [{ productId, quantity: 4 }], { headers: { prefer: 'wait=20' } });
  expect(next.status).toBe(201);
  expect(await system.order(orderId)).toMatchObject({ status: 'CANCELLED', owner: null });
});

test('When an order is paid, then 409 order_not_cancellable, sale and money stay, and the key is free', async () => {
  const order = await buying.payable(buyer, { stock: 2 });
  expect((await buying.pay(buyer, order)).answer.status).toBe(200);
  const key = randomUUID();

  const refused = await shop.cancel(buyer, order.orderId, key);

  expect(refused).toMatchObject({ status: 409, body: { code: 'order_not_cancellable' } });
  expect(await statusOf(order.orderId)).toBe('CONFIRMED');
  expect(await system.stock(order.productId)).toEqual({ on_hand: 2, held: 0, sold: 1 });
  await system.untilGateAvailable(order.productId, 1);
  expect(await system.captured(order.orderId)).toBe(order.amount);
  expect(await keyRows(key)).toEqual([]);
  expect(await shop.cancel(buyer, (await buying.payable(buyer)).orderId, key)).toMatchObject({ status: 200 });
});

test('When the provider still thinks about a payment, then 409 payment_in_progress, and the payment wins', async () => {
  const order = await buying.payable(buyer, { stock: 2 });
  const card = newCard();
  await system.behave({ cards: { [card]: { delayMs: SLOW_MS } } });
  const paying = buying.pay(buyer, order, { card });
  await system.until('the payment to be under way', async () => {
    const rows = await system.rows("SELECT 1 FROM payments WHERE order_id = ? AND status = 'CONFIRMING'", [
      order.orderId,
    ]);
    return rows.length > 0 ? rows : null;
  });

  const refused = await shop.cancel(buyer, order.orderId);

  expect(refused).toMatchObject({ status: 409, body: { code: 'payment_in_progress' } });
  expect(await system.stock(order.productId)).toEqual({ on_hand: 2, held: 1, sold: 0 });
  await paying;
  await system.untilOrder(order.orderId, 'CONFIRMED');
  expect(await system.stock(order.productId)).toEqual({ on_hand: 2, held: 0, sold: 1 });
  expect(await system.captured(order.orderId)).toBe(order.amount);
}, 30_000);

test('When the saga does not answer, then 503 frees the key for another order', async () => {
  const silent = await buying.payable(buyer);
  const other = await buying.payable(buyer);
  const key = randomUUID();

  const unanswered = await system.whileStopped('checkout', () => shop.cancel(buyer, silent.orderId, key));

  expect(unanswered).toMatchObject({
    status: 503,
    body: { code: 'unavailable', detail: expect.stringContaining('may still happen') },
  });
  expect(Number(unanswered.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await keyRows(key)).toEqual([]);
  const cancelled = await shop.cancel(buyer, other.orderId, key);
  expect(cancelled).toMatchObject({ status: 200, body: { orderId: other.orderId, status: 'CANCELLED' } });
  expect(cancelled.headers.get('idempotency-replayed')).toBeNull();
}, 30_000);

test('When the key is missing, or was used for another order, then 400 and 422, and that order stays', async () => {
  const first = await buying.payable(buyer);
  const second = await buying.payable(buyer);
  const key = randomUUID();
  const path = `${shop.gateway}/v1/checkouts/${second.orderId}/cancel`;

  const missing = await send('POST', path, { token: buyer.token });
  const cancelled = await shop.cancel(buyer, first.orderId, key);
  const reused = await shop.cancel(buyer, second.orderId, key);

  expect(missing).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  expect(cancelled.status).toBe(200);
  expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  expect(await statusOf(second.orderId)).toBe('PENDING_PAYMENT');
  expect(await system.stock(second.productId)).toMatchObject({ held: 1 });
  expect(await keyRows(key)).toEqual([{ scope: 'POST /v1/checkouts/{orderId}/cancel', status: 200 }]);
  // Keys are a member's own.
  const stranger = await shop.signUp();
  expect((await shop.cancel(stranger, (await buying.payable(stranger)).orderId, key)).status).toBe(200);
});

test('When another member cancels, then 404 and nothing moves or stays', async () => {
  const { orderId } = await buying.payable(buyer);
  const stranger = await shop.signUp();
  const key = randomUUID();

  expect((await shop.cancel(stranger, orderId, key)).status).toBe(404);
  expect(await statusOf(orderId)).toBe('PENDING_PAYMENT');
  expect(await keyRows(key)).toEqual([]);
});
