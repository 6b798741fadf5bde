/** The provider's webhooks through the gateway: anybody may send one, so nothing is believed and nothing is lost. */
import { type Buyer, createShop, type Shop, send } from './support/shop';
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

const payable = async () => {
  const productId = await shop.createProduct({ stock: 3 });
  const accepted = await shop.checkout(buyer, [{ productId, quantity: 1 }], { headers: { prefer: 'wait=20' } });
  expect(accepted.status).toBe(201);
  const { orderId, amount } = accepted.body;
  return { productId, orderId, amount, paymentKey: await shop.authorise(orderId, amount) };
};
const hint = (paymentKey: string, orderId: string) => ({
  eventType: 'PAYMENT_STATUS_CHANGED',
  createdAt: new Date().toISOString(),
  data: { paymentKey, orderId, status: 'DONE', unheardOf: true },
});
const post = (body: unknown) => send('POST', `${shop.gateway}/v1/webhooks/toss`, { body });
const stored = (paymentKey: string) =>
  system.rows<{ asked_at: Date | null }>(
    "SELECT asked_at FROM webhook_events WHERE JSON_VALUE(payload, '$.data.paymentKey') = ?",
    [paymentKey],
  );

describe('POST /v1/webhooks/toss', () => {
  test('When a hint is forged, then it is stored and answered 200, the provider is asked, and nothing moves', async () => {
    const order = await payable();

    expect((await post(hint(order.paymentKey, order.orderId))).status).toBe(200);

    await system.until('the hint to be settled', async () => {
      const rows = await stored(order.paymentKey);
      return rows.length > 0 && rows.every((row) => row.asked_at !== null);
    });
    expect((await system.order(order.orderId)).status).toBe('PENDING_PAYMENT');
    expect(await system.captured(order.orderId)).toBe(0);
    expect(await system.stock(order.productId)).toEqual({ on_hand: 3, held: 1, sold: 0 });
  });

  test('When it is nothing that a provider sends, then it is refused and not stored', async () => {
    const marker = `none-${Date.now()}`;
    for (const body of [{ eventType: 7, data: { paymentKey: marker } }, [{ data: { paymentKey: marker } }]]) {
      expect((await post(body)).status).toBe(400);
    }
    expect(await stored(marker)).toEqual([]);
  });

  test('When it is an event of a kind we do not know, then it is stored, and comes to nothing', async () => {
    const marker = `kind-${Date.now()}`;
    const events = [
      { createdAt: marker, secret: 's', status: 'DONE', orderId: 'ord_x' },
      {
        createdAt: marker,
        eventType: 'PAYOUT_CHANGED',
        data: { orderId: null, status: { of: 'ours' }, paymentKey: 7 },
      },
      { createdAt: marker, eventType: 'SELLER_CHANGED', data: ['a', 'b'] },
    ];
    for (const event of events) expect((await post(event)).status).toBe(200);
    await system.until('all to be settled', async () => {
      const rows = await system.rows<{ asked_at: Date | null }>(
        "SELECT asked_at FROM webhook_events WHERE JSON_VALUE(payload, '$.createdAt') = ?",
        [marker],
      );
      return rows.length === events.length && rows.every((row) => row.asked_at !== null);
    });
  });

  test('When money comes for an order that was cancelled, then the hint finds it and all of it goes back', async () => {
    const order = await payable();
    expect((await shop.cancel(buyer, order.orderId)).status).toBe(200);
    await system.untilOrder(order.orderId, 'CANCELLED');
    const { paymentKey, orderId, amount } = order;
    const captured = await send('POST', `${shop.sandbox}/v1/payments/confirm`, {
      body: { paymentKey, orderId, amount },
      headers: { authorization: `Basic ${Buffer.from(`${system.env.PROVIDER_SECRET_KEY}:`).toString('base64')}` },
    });
    expect(captured).toMatchObject({ status: 200, body: { status: 'DONE' } });

    // The sandbox tells of it by itself, as the provider would.
    await system.until('the refund', async () => {
      const rows = await system.rows<{ kind: string; status: string }>(
        'SELECT kind, status FROM refunds WHERE order_id = ?',
        [orderId],
      );
      return rows[0]?.status === 'REFUNDED' ? rows : null;
    });
    expect(await system.captured(orderId)).toBe(0);
    expect((await system.order(orderId)).status).toBe('CANCELLED');
    expect(await system.stock(order.productId)).toEqual({ on_hand: 3, held: 0, sold: 0 });
  });
});
