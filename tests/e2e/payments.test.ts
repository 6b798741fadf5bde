/** Payments as their owners see them: POST and GET /v1/payments through the gateway, and what strangers see. */
import { type Buying, createBuying } from './support/buying';
import { type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

/** The sandbox declines it whatever its knobs are. */
const DECLINED_CARD = '4000000000000002';

interface PaymentBody {
  readonly paymentId: string;
  readonly orderId: string;
  readonly status: string;
}
interface Page {
  readonly items: readonly PaymentBody[];
  readonly nextCursor: string | null;
}

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

const ask = (who: Buyer, orderId: string) =>
  send<PaymentBody>('POST', `${shop.gateway}/v1/payments`, { token: who.token, body: { orderId } });
const rowsOf = (orderId: string) =>
  system.rows('SELECT id, status, payment_key FROM payments WHERE order_id = ? ORDER BY id', [orderId]);

describe('POST /v1/payments', () => {
  test('When a payment is asked for before it is paid, then the READY one that was opened with the order is given', async () => {
    const { orderId } = await buying.payable(buyer);
    const stranger = await shop.signUp();

    const ready = await ask(buyer, orderId);
    const again = await ask(buyer, orderId);

    expect(ready).toMatchObject({ status: 200, body: { status: 'READY', orderId } });
    expect(again).toMatchObject({ status: 200, body: { paymentId: ready.body.paymentId } });
    expect((await ask(stranger, orderId)).status).toBe(404);
    expect(await rowsOf(orderId)).toEqual([{ id: ready.body.paymentId, status: 'READY', payment_key: null }]);
  });

  test('When the payment before it was declined, then a new one is made: 201, where it is, and its row', async () => {
    const order = await buying.payable(buyer);
    const declined = await buying.pay(buyer, order, { card: DECLINED_CARD });
    expect(declined.answer.status).toBe(402);

    const made = await ask(buyer, order.orderId);
    const again = await ask(buyer, order.orderId);

    expect(made).toMatchObject({ status: 201, body: { status: 'READY', orderId: order.orderId } });
    const location = made.headers.get('location') ?? '';
    expect(location).toBe(`/v1/payments/${made.body.paymentId}`);
    expect((await shop.get(location, buyer.token)).body).toMatchObject({ ...made.body });
    expect(again).toMatchObject({ status: 200, body: { paymentId: made.body.paymentId } });
    expect(await rowsOf(order.orderId)).toMatchObject([
      { status: 'FAILED', payment_key: declined.paymentKey },
      { id: made.body.paymentId, status: 'READY', payment_key: null },
    ]);
    // It is the one that is paid: no third row.
    expect((await buying.pay(buyer, order)).answer).toMatchObject({
      status: 200,
      body: { paymentId: made.body.paymentId },
    });
    expect(await rowsOf(order.orderId)).toMatchObject([{ status: 'FAILED' }, { status: 'DONE' }]);
  });

  test('When the order has ended or is paid, then 409 order_not_payable, and no payment is made', async () => {
    const cancelled = await buying.payable(buyer);
    expect((await shop.cancel(buyer, cancelled.orderId)).status).toBe(200);
    const paid = await buying.payable(buyer);
    expect((await buying.pay(buyer, paid)).answer.status).toBe(200);

    for (const [{ orderId }, status] of [
      [cancelled, 'EXPIRED'],
      [paid, 'DONE'],
    ] as const) {
      expect(await ask(buyer, orderId)).toMatchObject({ status: 409, body: { code: 'order_not_payable' } });
      expect(await rowsOf(orderId)).toMatchObject([{ status }]);
    }
  });
});

describe('GET /v1/payments', () => {
  test('When payments are listed, then pages hold the member’s own, newest first, and filter by status', async () => {
    const member = await shop.signUp();
    const made = [];
    for (let i = 0; i < 3; i += 1) made.push(await buying.payable(member));
    const [first] = made;
    if (!first) throw new Error('no order');
    await buying.pay(member, first);

    const page = await shop.get<Page>('/v1/payments?limit=2', member.token);
    const rest = await shop.get<Page>(`/v1/payments?limit=2&cursor=${page.body.nextCursor}`, member.token);
    const done = await shop.get<Page>('/v1/payments?status=DONE', member.token);

    expect(page.body.items).toHaveLength(2);
    const seen = [...page.body.items, ...rest.body.items].map((payment) => payment.orderId);
    expect(seen).toEqual(made.map((order) => order.orderId).reverse());
    expect(rest.body.nextCursor).toBeNull();
    expect(done.body.items).toMatchObject([{ orderId: first.orderId, status: 'DONE' }]);
    for (const cursor of ['nonsense', '%00', 'W10']) {
      expect(await shop.get(`/v1/payments?cursor=${cursor}`, member.token)).toMatchObject({
        status: 400,
        body: { code: 'invalid_cursor' },
      });
    }
  });

  test('When another member looks, then nothing of mine is there, not even behind my cursor', async () => {
    const mine = [await buying.payable(buyer), await buying.payable(buyer)];
    const stranger = await shop.signUp();
    const page = await shop.get<Page>('/v1/payments?limit=1', buyer.token);
    const [payment] = page.body.items;

    expect(payment?.orderId).toBe(mine[1]?.orderId);
    for (const query of ['', `?cursor=${page.body.nextCursor}`, '?status=READY']) {
      const theirs = await shop.get<Page>(`/v1/payments${query}`, stranger.token);
      expect(theirs).toMatchObject({ status: 200, body: { items: [], nextCursor: null } });
    }
    const path = `/v1/payments/${payment?.paymentId}`;
    expect((await shop.get(path, buyer.token)).body).toMatchObject({ status: 'READY', orderId: payment?.orderId });
    expect((await shop.get(path, stranger.token)).status).toBe(404);
    expect((await shop.get('/v1/payments')).status).toBe(401);
  });
});
