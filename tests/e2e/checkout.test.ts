/** Checkouts through the gateway of the complete system: response, rows, gate counters, refusals, strangers. */
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

const one = (productId: string, quantity = 1) => [{ productId, quantity }];

describe('POST /v1/checkouts', () => {
  test('When units are free, then the order is recorded before the 202, its units are held, and the gate agrees', async () => {
    const productId = await shop.createProduct({ stock: 5, price: 7_000 });

    const accepted = await shop.checkout(buyer, one(productId, 2));

    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('location')).toBe(`/v1/checkouts/${accepted.body.orderId}`);
    expect(accepted.body).toMatchObject({ status: 'QUEUED', amount: 14_000, currency: 'KRW' });
    expect(accepted.body.payment).toMatchObject({ orderId: accepted.body.orderId, amount: 14_000 });
    expect(await system.order(accepted.body.orderId)).toMatchObject({ member_id: buyer.memberId, amount: 14_000 });
    expect(await system.stock(productId)).toEqual({ on_hand: 5, held: 2, sold: 0 });
    expect(await system.gateAvailable(productId)).toBe(3);
  });

  test('When the same key comes again, then the same order answers, and no further unit is held', async () => {
    const productId = await shop.createProduct({ stock: 5 });
    const key = randomUUID();
    const first = await shop.checkout(buyer, one(productId), { key });

    const again = await shop.checkout(buyer, one(productId), { key });
    const other = await shop.checkout(buyer, one(productId, 2), { key });

    expect(again.status).toBe(first.status);
    expect(again.body.orderId).toBe(first.body.orderId);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(other.status).toBe(422);
    expect(other.body).toMatchObject({ code: 'idempotency_key_reused' });
    expect(await system.stock(productId)).toMatchObject({ held: 1 });
  });

  test('When twenty requests with one key arrive at once, then they name one order and hold one unit', async () => {
    const productId = await shop.createProduct({ stock: 50 });
    const key = randomUUID();

    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.checkout(buyer, one(productId), { key })));

    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.body.orderId)).size).toBe(1);
    expect(await system.stock(productId)).toMatchObject({ held: 1 });
    expect(await system.gateAvailable(productId)).toBe(49);
  });

  test('When too few units are left, then 409 sold_out says whether it is final, and nothing remains of the request', async () => {
    const productId = await shop.createProduct({ stock: 1 });
    await shop.checkout(buyer, one(productId));
    const key = randomUUID();
    const late = await shop.signUp();

    const refused = await shop.checkout(late, one(productId), { key });

    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'sold_out', final: false });
    expect(await system.rows('SELECT id FROM orders WHERE idempotency_key = ?', [key])).toEqual([]);
    expect(await system.stock(productId)).toEqual({ on_hand: 1, held: 1, sold: 0 });
  });

  test('When a sale has not opened, is over, limits the member, or changed its price, then the refusal says so', async () => {
    const hour = 3_600_000;
    const at = (offset: number): string => new Date(Date.now() + offset).toISOString();
    const future = await shop.createProduct({ type: 'EVENT', opensAt: at(hour), closesAt: at(2 * hour) });
    const past = await shop.createProduct({ type: 'EVENT', opensAt: at(-2 * hour), closesAt: at(-hour) });
    const limited = await shop.createProduct({ limitPerMember: 1 });

    expect((await shop.checkout(buyer, one(future))).body).toMatchObject({ status: 409, code: 'sale_not_open' });
    expect((await shop.checkout(buyer, one(past))).body).toMatchObject({ status: 409, code: 'sale_closed' });
    expect((await shop.checkout(buyer, one(limited, 2))).body).toMatchObject({ status: 409, code: 'limit_reached' });
    const changed = await shop.checkout(buyer, one(limited), { body: { expectedAmount: 1 } });
    expect(changed.body).toMatchObject({ status: 409, code: 'price_changed', amount: 12_000 });
    for (const productId of [future, past, limited]) {
      expect(await system.stock(productId)).toEqual({ on_hand: 10, held: 0, sold: 0 });
      expect(await system.gateAvailable(productId)).toBe(10);
    }
  });

  test('When the request is bad, then a 4xx points at the field', async () => {
    const productId = await shop.createProduct();
    const unknown = 'prd_01jd0000000000000000000000';
    const url = `${shop.gateway}/v1/checkouts`;
    const headers = { 'idempotency-key': randomUUID() };

    const missingKey = await send('POST', url, { token: buyer.token, body: { items: one(productId) } });
    const extra = await send('POST', url, { token: buyer.token, headers, body: { items: one(productId), gift: true } });
    const zero = await send('POST', url, { token: buyer.token, headers, body: { items: one(productId, 0) } });
    const noSuch = await shop.checkout(buyer, one(unknown));
    const twice = await send('POST', url, {
      token: buyer.token,
      headers,
      body: { items: [...one(productId), ...one(productId)] },
    });

    expect(missingKey).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
    expect(extra.status).toBe(400);
    expect([400, 422]).toContain(zero.status);
    expect(zero.body).toMatchObject({ errors: [{ pointer: '#/items/0/quantity' }] });
    expect(noSuch).toMatchObject({ status: 422, body: { code: 'unknown_product' } });
    expect([400, 422]).toContain(twice.status);
    expect((await send('POST', url, { headers, body: { items: one(productId) } })).status).toBe(401);
  });

  test('When the client prefers to wait, then it gets 201 once the order can be paid', async () => {
    const productId = await shop.createProduct();

    const accepted = await shop.checkout(buyer, one(productId), { headers: { prefer: 'wait=20' } });

    expect(accepted.status).toBe(201);
    expect(accepted.headers.get('preference-applied')).toBe('wait=20');
    expect(accepted.body.status).toBe('PENDING_PAYMENT');
  });

  test('When it is repeated after the order has ended, then no 201: its status of now, and no unit is held again', async () => {
    const productId = await shop.createProduct({ stock: 2 });
    const key = randomUUID();
    const wait = { key, headers: { prefer: 'wait=20' } };
    const first = await shop.checkout(buyer, one(productId), wait);
    expect((await shop.cancel(buyer, first.body.orderId)).status).toBe(200);

    const waited = await shop.checkout(buyer, one(productId), wait);
    const plain = await shop.checkout(buyer, one(productId), { key });

    expect(first.status).toBe(201);
    for (const again of [waited, plain]) {
      expect(again).toMatchObject({ status: 202, body: { orderId: first.body.orderId, status: 'CANCELLED' } });
      expect(again.body).toMatchObject({ sequence: first.body.sequence, amount: first.body.amount });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(again.headers.get('location')).toBe(`/v1/checkouts/${first.body.orderId}`);
    }
    expect(await system.stock(productId)).toEqual({ on_hand: 2, held: 0, sold: 0 });
    await system.untilGateAvailable(productId, 2);
  });

  test('When the order is still queued after the wait, then 202, and it is opened all the same', async () => {
    const productId = await shop.createProduct();

    const accepted = await system.whileStopped('dispatcher', () =>
      shop.checkout(buyer, one(productId), { headers: { prefer: 'wait=1' } }),
    );

    expect(accepted).toMatchObject({ status: 202, body: { status: 'QUEUED' } });
    await system.untilOrder(accepted.body.orderId, 'PENDING_PAYMENT');
  });

  test('When one of several lines cannot be had, then none is; when all can, then all are', async () => {
    const plenty = await shop.createProduct({ stock: 5, price: 1_000 });
    const scarce = await shop.createProduct({ stock: 1, price: 300 });
    const key = randomUUID();

    const refused = await shop.checkout(buyer, [...one(plenty, 2), ...one(scarce, 2)], { key });

    expect(refused).toMatchObject({ status: 409, body: { code: 'sold_out', productId: scarce } });
    expect(await system.rows('SELECT id FROM orders WHERE idempotency_key = ?', [key])).toEqual([]);
    for (const [productId, units] of [
      [plenty, 5],
      [scarce, 1],
    ] as const) {
      expect(await system.stock(productId)).toEqual({ on_hand: units, held: 0, sold: 0 });
      expect(await system.gateAvailable(productId)).toBe(units);
    }

    // The refusal has freed the key.
    const accepted = await shop.checkout(buyer, [...one(plenty, 2), ...one(scarce)], { key });
    expect(accepted).toMatchObject({ status: 202, body: { amount: 2_300 } });
    expect(await system.stock(plenty)).toEqual({ on_hand: 5, held: 2, sold: 0 });
    expect(await system.stock(scarce)).toEqual({ on_hand: 1, held: 1, sold: 0 });
    expect(await system.gateAvailable(plenty)).toBe(3);
    expect(await system.gateAvailable(scarce)).toBe(0);
  });

  test('When a member has what the limit allows, then a second order is 409 limit_reached; another member’s is not', async () => {
    const productId = await shop.createProduct({ stock: 9, limitPerMember: 2 });
    const other = await shop.signUp();
    const limits = () =>
      system.rows('SELECT units FROM member_limits WHERE product_id = ? AND member_id = ?', [
        productId,
        buyer.memberId,
      ]);
    expect((await shop.checkout(buyer, one(productId, 2))).status).toBe(202);

    const refused = await shop.checkout(buyer, one(productId));

    expect(refused).toMatchObject({ status: 409, body: { code: 'limit_reached', productId } });
    expect(await limits()).toEqual([{ units: 2 }]);
    expect(await system.stock(productId)).toEqual({ on_hand: 9, held: 2, sold: 0 });
    expect(await system.gateAvailable(productId)).toBe(7);
    expect((await shop.checkout(other, one(productId, 2))).status).toBe(202);
  });

  test('When the cart is checked out, then its lines become the order and leave the cart', async () => {
    const member = await shop.signUp();
    const productId = await shop.createProduct({ price: 500 });
    const put = await send('PUT', `${shop.gateway}/v1/cart/items/${productId}`, {
      token: member.token,
      body: { quantity: 3 },
    });
    expect(put.status).toBe(201);
    const key = randomUUID();
    const cart = { token: member.token, body: { cart: true }, headers: { 'idempotency-key': key, prefer: 'wait=20' } };

    const accepted = await send<AcceptedBody>('POST', `${shop.gateway}/v1/checkouts`, cart);
    const left = await shop.get<{ items: unknown[] }>('/v1/cart', member.token);
    const again = await send<AcceptedBody>('POST', `${shop.gateway}/v1/checkouts`, cart);
    const empty = await send('POST', `${shop.gateway}/v1/checkouts`, {
      ...cart,
      headers: { 'idempotency-key': randomUUID() },
    });

    expect(accepted).toMatchObject({ status: 201, body: { amount: 1_500 } });
    expect(left.body.items).toEqual([]);
    expect(again.body.orderId).toBe(accepted.body.orderId);
    expect(empty.body).toMatchObject({ code: 'cart_empty' });
  });
});
