/** From checkout to money and back, through the gateway: paid, declined, expired, refunded; orders and payments as seen. */
import { randomUUID } from 'node:crypto';
import { type AcceptedBody, type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

let system: System;
let shop: Shop;
let buyer: Buyer;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  buyer = await shop.signUp();
});
afterAll(() => system.close());

/** Card numbers to which the sandbox is told to behave in a certain way, each test its own. */
const newCard = (): string =>
  `4${Math.floor(Math.random() * 1e15)
    .toString()
    .padStart(15, '0')}`;

const payable = async (fields: Record<string, unknown> = {}, who: Buyer = buyer) => {
  const productId = await shop.createProduct(fields);
  const accepted = await shop.checkout(who, [{ productId, quantity: 1 }], { headers: { prefer: 'wait=20' } });
  expect(accepted.status).toBe(201);
  return { productId, orderId: accepted.body.orderId, amount: accepted.body.amount };
};
const pay = async (order: { orderId: string; amount: number }, card?: string, who: Buyer = buyer, key?: string) => {
  const paymentKey = await shop.authorise(order.orderId, order.amount, card);
  return { paymentKey, answer: await shop.confirm(who, { paymentKey, ...order }, key) };
};
const pick = ({ orderId, amount }: { orderId: string; amount: number }) => ({ orderId, amount });

describe('POST /v1/payments/confirm', () => {
  test('When the provider captures, then 200: order CONFIRMED, units sold, money once', async () => {
    const order = await payable({ stock: 4 });

    const { answer } = await pay(pick(order));

    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'DONE', orderStatus: 'CONFIRMED', amount: order.amount },
    });
    expect((await system.order(order.orderId)).status).toBe('CONFIRMED');
    expect(await system.stock(order.productId)).toEqual({ on_hand: 4, held: 0, sold: 1 });
    await system.untilGateAvailable(order.productId, 3);
    expect(await system.captured(order.orderId)).toBe(order.amount);
  });

  test('When the confirm is repeated, and many times at once, then all say the same and money moves once', async () => {
    const order = await payable();
    const paymentKey = await shop.authorise(order.orderId, order.amount);
    const key = randomUUID();
    const confirm = () => shop.confirm(buyer, { paymentKey, ...pick(order) }, key);

    const answers = await Promise.all(Array.from({ length: 8 }, confirm));
    const later = await confirm();

    for (const answer of [...answers, later]) {
      expect(answer).toMatchObject({
        status: 200,
        body: { orderId: order.orderId, status: 'DONE', amount: order.amount },
      });
    }
    expect(await system.captured(order.orderId)).toBe(order.amount);
  });

  test('When a queued order is paid at once, then it goes to the head of the line and is confirmed', async () => {
    const productId = await shop.createProduct();
    const { body } = await shop.checkout(buyer, [{ productId, quantity: 1 }]);

    const { answer } = await pay(pick(body));

    expect([200, 202]).toContain(answer.status);
    await system.untilOrder(body.orderId, 'CONFIRMED');
  });

  test('When a card is declined, then 402 counts the attempts and the hold stays; another card pays', async () => {
    const order = await payable({ stock: 2 });
    const card = newCard();
    await system.behave({ cards: { [card]: { declineShare: 1 } } });

    const declined = await pay(pick(order), card);
    const held = await system.stock(order.productId);
    const paid = await pay(pick(order));

    expect(declined.answer).toMatchObject({ status: 402, body: { code: 'payment_declined', attemptsLeft: 2 } });
    expect(held).toEqual({ on_hand: 2, held: 1, sold: 0 });
    expect(paid.answer.status).toBe(200);
    const shown = await shop.get<{ payments: { status: string }[] }>(`/v1/orders/${order.orderId}`, buyer.token);
    expect(shown.body.payments.map((payment) => payment.status).sort()).toEqual(['DONE', 'FAILED']);
  });

  test('When the last attempt is declined, then the order fails and its units are free', async () => {
    const order = await payable({ stock: 1 });
    const card = newCard();
    await system.behave({ cards: { [card]: { declineShare: 1 } } });

    const answers = [];
    for (let attempt = 0; attempt < 3; attempt += 1) answers.push((await pay(pick(order), card)).answer);

    expect(answers.map((answer) => answer.body.attemptsLeft)).toEqual([2, 1, 0]);
    await system.untilOrder(order.orderId, 'PAYMENT_FAILED');
    expect(await system.stock(order.productId)).toEqual({ on_hand: 1, held: 0, sold: 0 });
    await system.untilGateAvailable(order.productId, 1);
    expect((await pay(pick(order))).answer).toMatchObject({ status: 409, body: { code: 'order_not_payable' } });
  });

  test('When the provider approves and the answer is lost, then the payment is found by asking, and money moved once', async () => {
    const order = await payable();
    const card = newCard();
    await system.behave({ cards: { [card]: { approveThenDrop: true } } });

    const { answer } = await pay(pick(order), card);

    expect([200, 202]).toContain(answer.status);
    await system.untilOrder(order.orderId, 'CONFIRMED');
    expect(await system.captured(order.orderId)).toBe(order.amount);
  });

  test('When amount, order or member are not right, then it is refused and nothing is captured', async () => {
    const order = await payable();
    const stranger = await shop.signUp();
    const paymentKey = await shop.authorise(order.orderId, order.amount);

    const wrongAmount = await shop.confirm(buyer, { paymentKey, orderId: order.orderId, amount: order.amount + 1 });
    const foreign = await shop.confirm(stranger, { paymentKey, ...pick(order) });

    expect(wrongAmount).toMatchObject({ status: 422, body: { code: 'amount_mismatch' } });
    expect(foreign.status).toBe(404);
    expect(await system.captured(order.orderId)).toBe(0);
    expect((await system.order(order.orderId)).status).toBe('PENDING_PAYMENT');
  });
});

describe('refunds', () => {
  test('When a confirmed order is refunded, then the money goes back in full, and the units come back after it', async () => {
    const order = await payable({ stock: 1, limitPerMember: 1 });
    await pay(pick(order));
    const url = `${shop.gateway}/v1/orders/${order.orderId}/refunds`;
    const ask = (token: string, key: string) =>
      send<{ refundId: string; status: string }>('POST', url, {
        token,
        body: { reason: 'changed my mind' },
        headers: { 'idempotency-key': key },
      });
    const key = randomUUID();
    const stranger = await shop.signUp();

    expect((await ask(stranger.token, randomUUID())).status).toBe(404);
    const refund = await ask(buyer.token, key);
    const again = await ask(buyer.token, key);
    const second = await ask(buyer.token, randomUUID());

    expect(refund).toMatchObject({ status: 202, body: { status: 'REFUNDING' } });
    expect(again).toMatchObject({ status: 202, body: refund.body });
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

  test('When an order is not confirmed, then there is nothing to refund', async () => {
    const order = await payable();
    const refused = await send('POST', `${shop.gateway}/v1/orders/${order.orderId}/refunds`, {
      token: buyer.token,
      body: { reason: 'early' },
      headers: { 'idempotency-key': randomUUID() },
    });
    expect(refused).toMatchObject({ status: 409, body: { code: 'order_not_refundable' } });
  });
});

describe('orders and payments as seen', () => {
  test('When orders are listed, then pages hold the member’s own, newest first, and filter by status', async () => {
    const member = await shop.signUp();
    const made = [];
    for (let i = 0; i < 3; i += 1) made.push(await payable({}, member));
    await pay(pick(made[0] as { orderId: string; amount: number }), undefined, member);

    const first = await shop.get<{ items: { orderId: string }[]; nextCursor: string }>(
      '/v1/orders?limit=2',
      member.token,
    );
    const rest = await shop.get<{ items: { orderId: string }[]; nextCursor: null }>(
      `/v1/orders?limit=2&cursor=${first.body.nextCursor}`,
      member.token,
    );
    const confirmed = await shop.get<{ items: unknown[] }>('/v1/orders?status=CONFIRMED', member.token);

    const seen = [...first.body.items, ...rest.body.items].map((item) => item.orderId);
    expect(seen).toEqual(made.map((order) => order.orderId).reverse());
    expect(rest.body.nextCursor).toBeNull();
    expect(confirmed.body.items).toMatchObject([{ orderId: made[0]?.orderId, status: 'CONFIRMED' }]);
    expect((await shop.get('/v1/orders?cursor=nonsense', member.token)).body).toMatchObject({ code: 'invalid_cursor' });
  });

  test('When an order is read, then the owner and an admin see it, the admin with the link to its saga, others not', async () => {
    const order = await payable();
    const stranger = await shop.signUp();
    const path = `/v1/orders/${order.orderId}`;

    const mine = await shop.get(path, buyer.token);
    const admins = await shop.get(path, await shop.admin());

    expect(mine).toMatchObject({ status: 200, body: { orderId: order.orderId, memberId: buyer.memberId } });
    expect(mine.body.sagaUrl).toBeUndefined();
    expect(admins.body.sagaUrl).toMatch(/^http.*checkout/);
    expect((await shop.get(path, stranger.token)).status).toBe(404);
  });

  test('When a payment is asked for before it is paid, then the READY one is given; others find nothing', async () => {
    const order = await payable();
    const stranger = await shop.signUp();
    const ask = (who: Buyer) =>
      send<{ paymentId: string; status: string }>('POST', `${shop.gateway}/v1/payments`, {
        token: who.token,
        body: { orderId: order.orderId },
      });

    const ready = await ask(buyer);
    const again = await ask(buyer);

    expect([200, 201]).toContain(ready.status);
    expect(ready.body.status).toBe('READY');
    expect(again).toMatchObject({ status: 200, body: { paymentId: ready.body.paymentId } });
    expect((await ask(stranger)).status).toBe(404);
    const path = `/v1/payments/${ready.body.paymentId}`;
    expect((await shop.get(path, buyer.token)).body).toMatchObject({ status: 'READY', orderId: order.orderId });
    expect((await shop.get(path, stranger.token)).status).toBe(404);
    const list = await shop.get<{ items: { orderId: string }[] }>('/v1/payments', buyer.token);
    expect(list.body.items.map((payment) => payment.orderId)).toContain(order.orderId);
  });
});

describe('events reach their consumers', () => {
  test('When an order is confirmed, then its owner is notified once and the sales report counts it once', async () => {
    const member = await shop.signUp();
    const order = await payable({ price: 3_300 }, member);
    await pay(pick(order), undefined, member);

    const notes = await system.until('the notification', async () => {
      const page = await shop.get<{ items: { kind: string; orderId: string }[] }>(
        '/v1/members/me/notifications',
        member.token,
      );
      const kinds = page.body.items.map((note) => note.kind);
      return kinds.includes('order.confirmed') ? kinds : null;
    });
    const sales = await system.until('the sale in the report', async () => {
      const path = `/v1/reports/sales?productId=${order.productId}`;
      const page = await shop.get<{ items: { units: number; revenue: number }[] }>(path, await shop.admin());
      return page.body.items.length > 0 ? page.body.items : null;
    });

    expect(notes.filter((kind) => kind === 'order.confirmed')).toHaveLength(1);
    expect(sales).toMatchObject([{ units: 1, revenue: 3_300 }]);
    expect((await shop.get('/v1/reports/sales', member.token)).status).toBe(403);
  });
});

describe('a drop', () => {
  test('When 300 buyers want 100 units, then exactly 100 are confirmed, in sequence, and 200 are refused', async () => {
    const productId = await shop.createProduct({
      type: 'EVENT',
      opensAt: new Date(Date.now() - 1_000).toISOString(),
      stock: 100,
      limitPerMember: 1,
    });
    const buyers = await system.crowd(shop, 300);

    const answers = await Promise.all(
      buyers.map(async (who) => ({ who, answer: await shop.checkout(who, [{ productId, quantity: 1 }]) })),
    );
    const won = answers.filter(({ answer }) => answer.status === 202);
    const refused = answers.filter(({ answer }) => answer.status === 409);
    await Promise.all(
      won.map(async ({ who, answer }) => {
        const order: AcceptedBody = answer.body;
        await pay(pick(order), undefined, who);
      }),
    );

    expect(won).toHaveLength(100);
    expect(refused).toHaveLength(200);
    await system.until('100 confirmed', async () => {
      const stock = await system.stock(productId);
      return stock.sold === 100 ? stock : null;
    });
    expect(await system.stock(productId)).toEqual({ on_hand: 100, held: 0, sold: 100 });
    const sequences = won.map(({ answer }) => answer.body.sequence);
    expect(new Set(sequences).size).toBe(100);
    const late = await shop.checkout(await shop.signUp(), [{ productId, quantity: 1 }]);
    expect(late.body).toMatchObject({ code: 'sold_out', final: true });
    // 600 password hashes before the clock starts, and a hundred sagas after it.
  }, 240_000);
});
