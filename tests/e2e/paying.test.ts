/** POST /v1/payments/confirm through the gateway: paid, declined, not known yet, refused; answer, rows and money. */
import { randomUUID } from 'node:crypto';
import { type Buying, createBuying, newCard } from './support/buying';
import { type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

/** well above what a confirm waits for the provider (3 s), below what the saga waits for one call of it (8 s) */
const SLOW_MS = 6_000;

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

const cardThat = async (behaviour: Readonly<Record<string, unknown>>): Promise<string> => {
  const card = newCard();
  await system.behave({ cards: { [card]: behaviour } });
  return card;
};
const paymentsOf = (orderId: string) =>
  system.rows<{ status: string; failure_code: string | null }>(
    'SELECT status, failure_code FROM payments WHERE order_id = ? ORDER BY id',
    [orderId],
  );

describe('captured', () => {
  test('When the provider captures, then 200: order CONFIRMED, units sold, money once', async () => {
    const order = await buying.payable(buyer, { stock: 4 });

    const { answer } = await buying.pay(buyer, order);

    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'DONE', orderStatus: 'CONFIRMED', amount: order.amount },
    });
    expect(answer.headers.get('idempotency-replayed')).toBeNull();
    expect((await system.order(order.orderId)).status).toBe('CONFIRMED');
    expect(await paymentsOf(order.orderId)).toMatchObject([{ status: 'DONE' }]);
    expect(await system.stock(order.productId)).toEqual({ on_hand: 4, held: 0, sold: 1 });
    await system.untilGateAvailable(order.productId, 3);
    expect(await system.captured(order.orderId)).toBe(order.amount);
  });

  test('When the confirm is repeated, and many times at once, then all say the same and money moves once', async () => {
    const order = await buying.payable(buyer);
    const { orderId, amount } = order;
    const payment = { paymentKey: await shop.authorise(orderId, amount), orderId, amount };
    const key = randomUUID();
    const confirm = () => shop.confirm(buyer, payment, key);

    const answers = await Promise.all(Array.from({ length: 8 }, confirm));
    const later = await confirm();

    for (const answer of [...answers, later]) {
      expect(answer).toMatchObject({ status: 200, body: { orderId, status: 'DONE', amount } });
    }
    expect(later.body).toEqual(answers[0]?.body);
    expect(later.headers.get('idempotency-replayed')).toBe('true');
    expect(await paymentsOf(orderId)).toHaveLength(1);
    expect(await system.captured(orderId)).toBe(amount);
  });

  test('When a queued order is paid at once, then it goes to the head of the line and is confirmed', async () => {
    const productId = await shop.createProduct();
    const { body } = await shop.checkout(buyer, [{ productId, quantity: 1 }]);

    const { answer } = await buying.pay(buyer, body);

    expect([200, 202]).toContain(answer.status);
    await system.untilOrder(body.orderId, 'CONFIRMED');
  });

  test('When the provider approves and the answer is lost, then the payment is found by asking, and money moved once', async () => {
    const order = await buying.payable(buyer);
    const card = await cardThat({ approveThenDrop: true });

    const { answer } = await buying.pay(buyer, order, { card });

    expect([200, 202]).toContain(answer.status);
    await system.untilOrder(order.orderId, 'CONFIRMED');
    expect(await system.captured(order.orderId)).toBe(order.amount);
  });
});

describe('not known yet', () => {
  test('When the provider takes longer than a buyer waits, then 202 says where to follow; the same request tells the end', async () => {
    const order = await buying.payable(buyer);
    const card = await cardThat({ delayMs: SLOW_MS });

    const { answer, confirm } = await buying.pay(buyer, order, { card });

    expect(answer).toMatchObject({ status: 202, body: { orderId: order.orderId, orderStatus: 'PENDING_PAYMENT' } });
    expect(answer.headers.get('location')).toBe(`/v1/checkouts/${order.orderId}`);
    expect(answer.headers.get('idempotency-replayed')).toBeNull();
    await system.untilOrder(order.orderId, 'CONFIRMED');
    expect(await confirm()).toMatchObject({ status: 200, body: { status: 'DONE', orderStatus: 'CONFIRMED' } });
    expect((await confirm()).headers.get('idempotency-replayed')).toBe('true');
    expect(await system.captured(order.orderId)).toBe(order.amount);
  }, 30_000);

  test('When others are tried while a payment is under way, then another is 409 payment_in_progress, the same joins, and money moves once', async () => {
    const { orderId, amount } = await buying.payable(buyer, { stock: 2 });
    const paymentKey = await shop.authorise(orderId, amount, await cardThat({ delayMs: SLOW_MS }));
    const first = shop.confirm(buyer, { paymentKey, orderId, amount });
    await system.until('the first payment to be under way', async () => {
      const [payment] = await paymentsOf(orderId);
      return payment?.status === 'CONFIRMING' ? payment : null;
    });
    const key = randomUUID();

    const [same, other] = await Promise.all([
      shop.confirm(buyer, { paymentKey, orderId, amount }),
      buying.pay(buyer, { orderId, amount }, { key }),
    ]);

    expect(other.answer).toMatchObject({ status: 409, body: { code: 'payment_in_progress' } });
    expect(same.status).toBe(202);
    expect(same.body.paymentId).toBe((await first).body.paymentId);
    await system.untilOrder(orderId, 'CONFIRMED');
    expect(await paymentsOf(orderId)).toMatchObject([{ status: 'DONE' }]);
    expect(await system.captured(orderId)).toBe(amount);
    // The refusal has freed its key: another payment may come under it.
    expect((await buying.pay(buyer, await buying.payable(buyer), { key })).answer.status).toBe(200);
  }, 30_000);
});

describe('declined', () => {
  test('When a card is declined, then 402 counts the attempts and names the provider’s code, the hold stays; another card pays', async () => {
    const order = await buying.payable(buyer, { stock: 2 });
    const card = await cardThat({ declineShare: 1, declineCode: 'EXCEED_MAX_AMOUNT' });

    const declined = await buying.pay(buyer, order, { card });
    const again = await declined.confirm();
    const held = await system.stock(order.productId);
    const paid = await buying.pay(buyer, order);

    expect(declined.answer).toMatchObject({
      status: 402,
      body: { code: 'payment_declined', attemptsLeft: 2, providerCode: 'EXCEED_MAX_AMOUNT' },
    });
    expect(again).toMatchObject({ status: 402, body: { attemptsLeft: 2, providerCode: 'EXCEED_MAX_AMOUNT' } });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(held).toEqual({ on_hand: 2, held: 1, sold: 0 });
    expect(paid.answer.status).toBe(200);
    expect(await paymentsOf(order.orderId)).toMatchObject([
      { status: 'FAILED', failure_code: 'EXCEED_MAX_AMOUNT' },
      { status: 'DONE', failure_code: null },
    ]);
    const shown = await shop.get<{ payments: { status: string }[] }>(`/v1/orders/${order.orderId}`, buyer.token);
    expect(shown.body.payments.map((payment) => payment.status).sort()).toEqual(['DONE', 'FAILED']);
    expect(await system.captured(order.orderId)).toBe(order.amount);
  });

  test('When the last attempt is declined, then the order fails and its units are free', async () => {
    const order = await buying.payable(buyer, { stock: 1 });
    const card = await cardThat({ declineShare: 1 });

    const answers = [];
    for (let attempt = 0; attempt < 3; attempt += 1) answers.push((await buying.pay(buyer, order, { card })).answer);

    expect(answers.map((answer) => answer.body.attemptsLeft)).toEqual([2, 1, 0]);
    await system.untilOrder(order.orderId, 'PAYMENT_FAILED');
    expect(await system.stock(order.productId)).toEqual({ on_hand: 1, held: 0, sold: 0 });
    await system.untilGateAvailable(order.productId, 1);
    const late = await buying.pay(buyer, order);
    expect(late.answer).toMatchObject({ status: 409, body: { code: 'order_not_payable' } });
    expect(await system.captured(order.orderId)).toBe(0);
  });
});

describe('refused', () => {
  test('When amount, order or member are not right, then it is refused and nothing is captured', async () => {
    const { orderId, amount } = await buying.payable(buyer);
    const stranger = await shop.signUp();
    const paymentKey = await shop.authorise(orderId, amount);

    const wrongAmount = await shop.confirm(buyer, { paymentKey, orderId, amount: amount + 1 });
    const foreign = await shop.confirm(stranger, { paymentKey, orderId, amount });

    expect(wrongAmount).toMatchObject({ status: 422, body: { code: 'amount_mismatch' } });
    expect(foreign.status).toBe(404);
    expect(await system.captured(orderId)).toBe(0);
    expect(await paymentsOf(orderId)).toMatchObject([{ status: 'READY' }]);
    expect((await system.order(orderId)).status).toBe('PENDING_PAYMENT');
  });

  test('When the key is missing, or was used for another payment, then 400 and 422, and the second order stays unpaid', async () => {
    const first = await buying.payable(buyer);
    const second = await buying.payable(buyer);
    const key = randomUUID();
    const paymentKey = await shop.authorise(second.orderId, second.amount);
    const body = { paymentKey, orderId: second.orderId, amount: second.amount };

    const missing = await send('POST', `${shop.gateway}/v1/payments/confirm`, { token: buyer.token, body });
    const paid = await buying.pay(buyer, first, { key });
    const reused = await shop.confirm(buyer, body, key);

    expect(missing).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
    expect(paid.answer.status).toBe(200);
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    expect((await system.order(second.orderId)).status).toBe('PENDING_PAYMENT');
    expect(await paymentsOf(second.orderId)).toMatchObject([{ status: 'READY' }]);
    expect(await system.captured(second.orderId)).toBe(0);
  });
});
