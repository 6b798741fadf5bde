/** An order that nobody pays, on a stack of its own that holds units for seconds only. */
import { type Buying, createBuying, newCard, type OrderOfProduct } from './support/buying';
import { createOwnStack, type OwnStack } from './support/own-stack';
import { type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

/** long enough to look at an order before it ends, on a busy machine too */
const HOLD_MS = 5_000;

let stack: OwnStack;
let system: System;
let shop: Shop;
let buying: Buying;
let buyer: Buyer;

beforeAll(async () => {
  stack = createOwnStack({ CHECKOUT_HOLD_MS: String(HOLD_MS), RATE_LIMIT_PER_MINUTE: '1000000' });
  await stack.start();
  system = await connectSystem(stack.home);
  shop = createShop(system.addresses);
  buying = createBuying(shop);
  buyer = await shop.signUp();
}, 330_000);
afterAll(async () => {
  await system.close();
  await stack.destroy();
}, 120_000);

const paymentsOf = (orderId: string) =>
  system.rows('SELECT status FROM payments WHERE order_id = ? ORDER BY id', [orderId]);
/** It has expired: units free in ledger and gate, limit too, and no way leads back. */
async function assertExpired({ orderId, productId, amount }: OrderOfProduct, stock: number): Promise<void> {
  expect(await system.stock(productId)).toEqual({ on_hand: stock, held: 0, sold: 0 });
  await system.untilGateAvailable(productId, stock);
  const late = await buying.pay(buyer, { orderId, amount });
  expect(late.answer).toMatchObject({ status: 409, body: { code: 'order_not_payable' } });
  expect(await shop.cancel(buyer, orderId)).toMatchObject({ status: 409, body: { code: 'order_not_cancellable' } });
  const ready = await send('POST', `${shop.gateway}/v1/payments`, { token: buyer.token, body: { orderId } });
  expect(ready).toMatchObject({ status: 409, body: { code: 'order_not_payable' } });
  expect((await system.order(orderId)).status).toBe('EXPIRED');
  expect(await system.captured(orderId)).toBe(0);
}

test('When nobody pays in time, then the order expires: told to who follows, units free, and a confirm after it is 409', async () => {
  const order = await buying.payable(buyer, { stock: 2, limitPerMember: 2 }, 2);
  const path = `/v1/checkouts/${order.orderId}`;
  const stream = await fetch(`${shop.gateway}${path}/events`, { headers: { authorization: `Bearer ${buyer.token}` } });
  const before = await shop.get<{ payBy: string }>(path, buyer.token);
  expect(await system.stock(order.productId)).toEqual({ on_hand: 2, held: 2, sold: 0 });
  expect(await system.gateAvailable(order.productId)).toBe(0);

  const story = await stream.text();

  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(before.body.payBy));
  expect(story).toContain('"status":"EXPIRED"');
  const after = await shop.get<{ status: string; timeline: { at: string }[] }>(path, buyer.token);
  expect(after.body).toMatchObject({
    status: 'EXPIRED',
    timeline: [{ status: 'QUEUED' }, { status: 'PENDING_PAYMENT' }, { status: 'EXPIRED', reason: 'deadline_passed' }],
  });
  expect(Date.parse(after.body.timeline[2]?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(before.body.payBy));
  expect(await paymentsOf(order.orderId)).toEqual([{ status: 'EXPIRED' }]);
  await assertExpired(order, 2);
  const afresh = await shop.checkout(buyer, [{ productId: order.productId, quantity: 2 }]);
  expect(afresh.status).toBe(202);
}, 60_000);

test('When a card was declined and nobody tries another, then the order expires all the same', async () => {
  const card = newCard();
  await system.behave({ cards: { [card]: { declineShare: 1 } } });
  const order = await buying.payable(buyer, { stock: 1 });
  expect((await buying.pay(buyer, order, { card })).answer.status).toBe(402);

  await system.untilOrder(order.orderId, 'EXPIRED');

  await assertExpired(order, 1);
}, 60_000);

test('When the deadline passes while the provider thinks, then its answer is waited for, and the sale stands', async () => {
  const card = newCard();
  await system.behave({ cards: { [card]: { delayMs: HOLD_MS + 1_000 } } });
  const order = await buying.payable(buyer, { stock: 1 });
  const { answer } = await buying.pay(buyer, order, { card });
  expect(answer.status).toBe(202);

  await system.untilOrder(order.orderId, 'CONFIRMED');

  const { body } = await shop.get<{ payBy: string; timeline: { at: string }[] }>(
    `/v1/checkouts/${order.orderId}`,
    buyer.token,
  );
  // Confirmed after the deadline, or this shows nothing.
  expect(Date.parse(body.timeline.at(-1)?.at ?? '')).toBeGreaterThan(Date.parse(body.payBy));
  expect(await system.stock(order.productId)).toEqual({ on_hand: 1, held: 0, sold: 1 });
  expect(await system.captured(order.orderId)).toBe(order.amount);
}, 60_000);
