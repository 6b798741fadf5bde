/** Products, stock, restocks and the sales report, through the gateway: what is answered, what is in the rows and in the gate. */
import { randomUUID } from 'node:crypto';
import { createId } from '../../domain/ids';
import { type Answer, type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

let system: System;
let shop: Shop;
let admin: string;
let buyer: Buyer;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  [admin, buyer] = await Promise.all([shop.admin(), shop.signUp()]);
});
afterAll(() => system.close());

const url = (path: string): string => `${shop.gateway}${path}`;
const post = (body: unknown, token?: string) => send('POST', url('/v1/products'), { token, body });
const patch = (productId: string, body: unknown, ifMatch?: string, token = admin) =>
  send('PATCH', url(`/v1/products/${productId}`), {
    token,
    body,
    headers: { 'content-type': 'application/merge-patch+json', ...(ifMatch ? { 'if-match': ifMatch } : {}) },
  });
const restock = (productId: string, quantity: unknown, key: string | null = randomUUID(), token = admin) =>
  send('POST', url(`/v1/products/${productId}/restocks`), {
    token,
    body: { quantity },
    headers: key === null ? {} : { 'idempotency-key': key },
  });
const stockOf = async (productId: string) => (await shop.get(`/v1/products/${productId}/stock`)).body;
const productRow = async (productId: string) =>
  (await system.rows('SELECT name, type, price, version FROM products WHERE id = ?', [productId]))[0];
const adjustmentsOf = (productId: string) =>
  system.rows('SELECT n, delta, reason FROM stock_adjustments WHERE product_id = ? ORDER BY n', [productId]);
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
const expectProblem = (answer: Answer, status: number, code: string, pointer?: string) => {
  expect(answer).toMatchObject({ status, body: { code } });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  if (pointer) expect(answer.body.errors).toMatchObject([{ pointer }]);
};

describe('POST /v1/products', () => {
  test('When an admin puts a product on sale, then 201, its rows with the first adjustment, and its units in the gate', async () => {
    const made = await post({ name: ' Shoe ', type: 'NORMAL', price: 12_000, stock: 7 }, admin);

    expect(made).toMatchObject({
      status: 201,
      body: { name: 'Shoe', type: 'NORMAL', price: 12_000, currency: 'KRW', opensAt: null, limitPerMember: null },
    });
    const productId = String(made.body.productId);
    expect(made.headers.get('location')).toBe(`/v1/products/${productId}`);
    expect(made.headers.get('etag')).toBe('"1"');
    expect(await productRow(productId)).toEqual({ name: 'Shoe', type: 'NORMAL', price: 12_000, version: 1 });
    expect(await system.stock(productId)).toEqual({ on_hand: 7, held: 0, sold: 0 });
    expect(await adjustmentsOf(productId)).toEqual([{ n: 1, delta: 7, reason: 'created' }]);
    await system.untilGateAvailable(productId, 7);
  });

  test('When a member or nobody tries, then 403 or 401, and there is no product', async () => {
    const name = `forbidden ${randomUUID()}`;
    const body = { name, type: 'NORMAL', price: 1_000, stock: 1 };
    expectProblem(await post(body, buyer.token), 403, 'forbidden');
    expectProblem(await post(body), 401, 'unauthorized');
    expect(await system.rows('SELECT id FROM products WHERE name = ?', [name])).toEqual([]);
  });

  test('When the request is bad, then a 4xx points at the field, and there is no product', async () => {
    const name = `bad ${randomUUID()}`;
    const good = { name, type: 'NORMAL', price: 1_000, stock: 1 };
    expectProblem(await post({ ...good, colour: 'red' }, admin), 400, 'malformed_request', '#/colour');
    expectProblem(await post({ ...good, price: '1000' }, admin), 400, 'malformed_request', '#/price');
    expectProblem(await post({ ...good, price: 0 }, admin), 422, 'invalid_request', '#/price');
    for (const strange of ['\u0000', '\n', '\ud800']) {
      const renamed = { ...good, name: `${name}${strange}x` };
      expectProblem(await post(renamed, admin), 422, 'invalid_request', '#/name');
    }
    expectProblem(await post({ ...good, stock: -1 }, admin), 422, 'invalid_request', '#/stock');
    expectProblem(await post({ ...good, type: 'EVENT' }, admin), 422, 'invalid_request', '#/opensAt');
    expectProblem(await post({ ...good, opensAt: inMs(0) }, admin), 422, 'invalid_request', '#/type');
    const window = { opensAt: inMs(60_000), closesAt: inMs(30_000) };
    expectProblem(await post({ ...good, type: 'EVENT', ...window }, admin), 422, 'invalid_request', '#/closesAt');
    expect(await system.rows('SELECT id FROM products WHERE name LIKE ?', [`${name}%`])).toEqual([]);
  });
});

describe('GET /v1/products', () => {
  test('When anybody turns the pages, then every product comes once, newest first, and by type', async () => {
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1) {
      ids.push(await shop.createProduct(made % 2 ? { type: 'EVENT', opensAt: inMs(0) } : {}));
    }
    /** All ids from the newest to the oldest of ours; other tests put products between them. */
    const turn = async (query: string, until: string | undefined): Promise<string[]> => {
      const seen: string[] = [];
      for (let cursor = ''; !seen.includes(until ?? ''); ) {
        const page = await shop.get<{ items: { productId: string }[]; nextCursor: string }>(
          `/v1/products?limit=2${query}${cursor}`,
        );
        expect(page.body.items).toHaveLength(2);
        seen.push(...page.body.items.map((item) => item.productId));
        cursor = `&cursor=${page.body.nextCursor}`;
      }
      expect(seen).toEqual([...new Set(seen)]);
      return seen.filter((id) => ids.includes(id));
    };
    expect(await turn('', ids[0])).toEqual([...ids].reverse());
    expect(await turn('&type=EVENT', ids[1])).toEqual([ids[3], ids[1]]);
  });

  test('When cursor, limit or id are none of ours, then 400, 422, 404', async () => {
    expectProblem(await shop.get('/v1/products?cursor=%7B%7D'), 400, 'invalid_cursor');
    expectProblem(await shop.get('/v1/products?limit=101'), 422, 'invalid_request');
    expectProblem(await shop.get(`/v1/products/${createId('prd')}`), 404, 'not_found');
    expectProblem(await shop.get('/v1/products/prd_no-such-thing'), 404, 'not_found');
    expectProblem(await shop.get(`/v1/products/${createId('prd')}/stock`), 404, 'not_found');
  });
});

describe('GET /v1/products/{productId}/stock', () => {
  test('When a sale has not opened, is over or is sold out, then the stock says why nothing can be ordered', async () => {
    const [later, over, empty, open] = await Promise.all([
      shop.createProduct({ type: 'EVENT', opensAt: inMs(600_000), stock: 3 }),
      shop.createProduct({ type: 'EVENT', opensAt: inMs(-600_000), closesAt: inMs(-1_000), stock: 3 }),
      shop.createProduct({ stock: 0 }),
      shop.createProduct({ stock: 3 }),
    ]);
    expect(await stockOf(later)).toMatchObject({
      productId: later,
      available: 3,
      orderable: false,
      reason: 'not_open',
    });
    expect(await stockOf(over)).toMatchObject({ orderable: false, reason: 'closed' });
    expect(await stockOf(empty)).toMatchObject({ available: 0, orderable: false, reason: 'sold_out' });
    expect(await stockOf(open)).toMatchObject({ available: 3, orderable: true, reason: null });
  });

  test('When units are held, then fewer are available; when they come back, then as many as before', async () => {
    const productId = await shop.createProduct({ stock: 3 });
    const wait = { headers: { prefer: 'wait=20' } };
    const { body: order } = await shop.checkout(buyer, [{ productId, quantity: 2 }], wait);
    expect(await stockOf(productId)).toMatchObject({ available: 1, orderable: true });
    await shop.cancel(buyer, order.orderId);
    await system.untilGateAvailable(productId, 3);
    expect(await stockOf(productId)).toMatchObject({ available: 3 });
  });
});

describe('PATCH /v1/products/{productId}', () => {
  test('When the price changes, then the next checkout costs that, and an order accepted before keeps its own', async () => {
    const productId = await shop.createProduct({ price: 10_000, stock: 5 });
    const before = await shop.checkout(buyer, [{ productId, quantity: 1 }]);

    const changed = await patch(productId, { price: 15_000, name: 'Dearer shoe' }, '"1"');

    expect(changed).toMatchObject({ status: 200, body: { productId, price: 15_000, name: 'Dearer shoe' } });
    expect(changed.headers.get('etag')).toBe('"2"');
    expect(await productRow(productId)).toMatchObject({ price: 15_000, version: 2 });
    const after = await shop.checkout(buyer, [{ productId, quantity: 1 }]);
    expect([before.body.amount, after.body.amount]).toEqual([10_000, 15_000]);
    expect((await system.order(before.body.orderId)).amount).toBe(10_000);
    expect(await system.stock(productId)).toMatchObject({ on_hand: 5 });
  });

  test('When a NORMAL product gets an end, then its sale is over at once, until the end is taken away', async () => {
    const productId = await shop.createProduct({ type: 'NORMAL', stock: 5 });
    const buy = () => shop.checkout(buyer, [{ productId, quantity: 1 }]);
    const now = new Date().toISOString();
    expect((await patch(productId, { closesAt: now }, '"1"')).status).toBe(200);
    expect(await buy()).toMatchObject({ status: 409, body: { code: 'sale_closed' } });
    expectProblem(await patch(productId, { opensAt: now, closesAt: null }, '"2"'), 422, 'invalid_request', '#/opensAt');
    expect((await patch(productId, { closesAt: null }, '"2"')).status).toBe(200);
    expect((await buy()).status).toBe(202);
  });

  test('When a limit is removed by null, then the member may have more; what is absent stays', async () => {
    const productId = await shop.createProduct({ limitPerMember: 1, stock: 5 });
    expect((await shop.checkout(buyer, [{ productId, quantity: 2 }])).status).toBe(409);
    const changed = await patch(productId, { limitPerMember: null }, '"1"');
    expect(changed.body).toMatchObject({ limitPerMember: null, price: 12_000 });
    expect((await shop.checkout(buyer, [{ productId, quantity: 2 }])).status).toBe(202);
  });

  test('When the ETag is missing or old, or two change at once, then 428 and 412, and one change counts', async () => {
    const productId = await shop.createProduct();
    expectProblem(await patch(productId, { price: 1 }), 428, 'precondition_required');
    expectProblem(await patch(productId, { price: 1 }, '"7"'), 412, 'precondition_failed');
    const { headers } = await shop.get(`/v1/products/${productId}`);
    const etag = headers.get('etag') ?? '';
    const both = await Promise.all([20_000, 30_000].map((price) => patch(productId, { price }, etag)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    const winner = both.find(({ status }) => status === 200);
    expect(await productRow(productId)).toMatchObject({ price: winner?.body.price, version: 2 });
  });

  test('When the whole would make no sense, or a member tries, then it is refused and nothing changes', async () => {
    const productId = await shop.createProduct({ type: 'EVENT', opensAt: inMs(60_000) });
    expectProblem(await patch(productId, { opensAt: null }, '"1"'), 422, 'invalid_request', '#/opensAt');
    expectProblem(await patch(productId, { closesAt: inMs(0) }, '"1"'), 422, 'invalid_request', '#/closesAt');
    expectProblem(await patch(productId, { stock: 5 }, '"1"'), 400, 'malformed_request', '#/stock');
    expectProblem(await patch(productId, { price: 5 }, '"1"', buyer.token), 403, 'forbidden');
    expectProblem(await patch(createId('prd'), { price: 5 }, '"1"'), 404, 'not_found');
    expect(await productRow(productId)).toMatchObject({ version: 1 });
  });
});

describe('POST /v1/products/{productId}/restocks', () => {
  test('When units are added, then 201, ledger and gate have them under the next number', async () => {
    const productId = await shop.createProduct({ stock: 0 });
    expect((await stockOf(productId)).reason).toBe('sold_out');

    const added = await restock(productId, 5);

    expect(added).toMatchObject({ status: 201, body: { productId, restockId: 2, quantity: 5, onHand: 5 } });
    expect(await system.stock(productId)).toEqual({ on_hand: 5, held: 0, sold: 0 });
    expect(await adjustmentsOf(productId)).toEqual([
      { n: 1, delta: 0, reason: 'created' },
      { n: 2, delta: 5, reason: 'restock' },
    ]);
    await system.untilGateAvailable(productId, 5);
    expect((await shop.checkout(buyer, [{ productId, quantity: 1 }])).status).toBe(202);
  });

  test('When one key comes again, and many times at once, then the units are added once and all say the same', async () => {
    const productId = await shop.createProduct({ stock: 1 });
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 12 }, () => restock(productId, 4, key)));
    const later = await restock(productId, 4, key);

    for (const answer of answers) expect(answer).toMatchObject({ status: 201, body: later.body });
    expect(later.headers.get('idempotency-replayed')).toBe('true');
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(await system.stock(productId)).toMatchObject({ on_hand: 5 });
    await system.untilGateAvailable(productId, 5);
    expectProblem(await restock(productId, 9, key), 422, 'idempotency_key_reused');
  });

  test('When key, quantity, product or role are not right, then it is refused and no unit is added', async () => {
    const productId = await shop.createProduct({ stock: 1 });
    expectProblem(await restock(productId, 5, null), 400, 'idempotency_key_missing');
    expectProblem(await restock(productId, 0), 422, 'invalid_request', '#/quantity');
    expectProblem(await restock(productId, '5'), 400, 'malformed_request', '#/quantity');
    expectProblem(await restock(createId('prd'), 5), 404, 'not_found');
    expectProblem(await restock(productId, 5, randomUUID(), buyer.token), 403, 'forbidden');
    expect(await system.stock(productId)).toMatchObject({ on_hand: 1 });
    expect(await system.gateAvailable(productId)).toBe(1);
  });

  test('When a refusal freed the key, then the same key adds units', async () => {
    const productId = await shop.createProduct({ stock: 0 });
    const key = randomUUID();
    expect((await restock(productId, 0, key)).status).toBe(422);
    expect((await restock(productId, 2, key)).status).toBe(201);
  });
});

describe('GET /v1/reports/sales', () => {
  interface Sales {
    readonly items: readonly { productId: string; minute: string; units: number; revenue: number }[];
    readonly nextCursor: string | null;
  }
  const report = (query: string, token = admin) => shop.get<Sales>(`/v1/reports/sales?${query}`, token);
  const sum = (sales: Sales) => [
    sales.items.reduce((units, item) => units + item.units, 0),
    sales.items.reduce((revenue, item) => revenue + item.revenue, 0),
  ];

  test('When an order is paid, then its units and won count; when it is refunded, then they count no more', async () => {
    const productId = await shop.createProduct({ price: 9_000, stock: 5 });
    const wait = { headers: { prefer: 'wait=20' } };
    const { body: order } = await shop.checkout(buyer, [{ productId, quantity: 2 }], wait);
    const paymentKey = await shop.authorise(order.orderId, order.amount);
    expect((await shop.confirm(buyer, { paymentKey, orderId: order.orderId, amount: order.amount })).status).toBe(200);
    const untilSum = (units: number, revenue: number) =>
      system.until(`a report of ${units} units`, async () => {
        const { body } = await report(`productId=${productId}`);
        return body.items.length > 0 && sum(body)[0] === units && sum(body)[1] === revenue ? true : null;
      });
    await untilSum(2, 18_000);

    const refund = await send('POST', url(`/v1/orders/${order.orderId}/refunds`), {
      token: buyer.token,
      body: { reason: 'changed my mind' },
      headers: { 'idempotency-key': randomUUID() },
    });
    expect(refund.status).toBe(202);
    await untilSum(0, 0);
    await system.untilGateAvailable(productId, 5);
  });

  test('When a member or nobody asks, or the cursor is forged, then 403, 401, 400', async () => {
    expectProblem(await shop.get('/v1/reports/sales', buyer.token), 403, 'forbidden');
    expectProblem(await shop.get('/v1/reports/sales'), 401, 'unauthorized');
    const forged = Buffer.from(JSON.stringify(['not a time', 'x'])).toString('base64url');
    expectProblem(await shop.get(`/v1/reports/sales?cursor=${forged}`, admin), 400, 'invalid_cursor');
  });
});
