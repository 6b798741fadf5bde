/** Carts through the gateway: what is answered, what is in the rows; the gate is never moved by a cart. */
import { createId } from '../../domain/ids';
import { type Buyer, createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

let system: System;
let shop: Shop;
let buyer: Buyer;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
});
afterAll(() => system.close());
beforeEach(async () => {
  buyer = await shop.signUp();
});

interface Cart {
  readonly items: readonly { productId: string; quantity: number; orderable: boolean; price: number }[];
  readonly total: number;
}
const item = (productId: string): string => `${shop.gateway}/v1/cart/items/${productId}`;
const put = (productId: string, quantity: unknown, who: Buyer | null = buyer) =>
  send('PUT', item(productId), { token: who?.token, body: { quantity } });
const remove = (productId: string, who: Buyer | null = buyer) => send('DELETE', item(productId), { token: who?.token });
const cartOf = async (who: Buyer) => (await shop.get<Cart>('/v1/cart', who.token)).body;
const rowsOf = (who: Buyer) =>
  system.rows('SELECT product_id, quantity FROM cart_items WHERE member_id = ? ORDER BY created_at, product_id', [
    who.memberId,
  ]);

test('When a product is put twice, then 201, then 200, one row with the last quantity, and no unit is held', async () => {
  const productId = await shop.createProduct({ name: 'Shoe', price: 3_000, stock: 5 });
  expect(await put(productId, 2)).toMatchObject({
    status: 201,
    body: { productId, name: 'Shoe', price: 3_000, quantity: 2, orderable: true },
  });
  expect(await put(productId, 4)).toMatchObject({ status: 200, body: { quantity: 4 } });
  expect(await rowsOf(buyer)).toEqual([{ product_id: productId, quantity: 4 }]);
  expect(await system.stock(productId)).toEqual({ on_hand: 5, held: 0, sold: 0 });
  expect(await system.gateAvailable(productId)).toBe(5);
});

test('When the cart is read, then it holds current prices and their total, and says what cannot be ordered', async () => {
  const opensAt = new Date(Date.now() + 600_000).toISOString();
  const [shoe, few, later] = await Promise.all([
    shop.createProduct({ price: 3_000, stock: 5 }),
    shop.createProduct({ price: 500, stock: 1 }),
    shop.createProduct({ price: 70, stock: 9, type: 'EVENT', opensAt }),
  ]);
  await put(shoe, 2);
  await put(few, 2);
  await put(later, 1);
  const changed = await send('PATCH', `${shop.gateway}/v1/products/${shoe}`, {
    token: await shop.admin(),
    body: { price: 4_000 },
    headers: { 'if-match': '"1"' },
  });
  expect(changed.status).toBe(200);

  const cart = await cartOf(buyer);

  expect(cart.total).toBe(2 * 4_000 + 2 * 500 + 70);
  expect(cart.items.map(({ productId, price, orderable }) => [productId, price, orderable])).toEqual([
    [shoe, 4_000, true],
    [few, 500, false],
    [later, 70, false],
  ]);
});

test('When an item is deleted, then 204, also when it is gone already or there is no such product; 404 for what is no id', async () => {
  const productId = await shop.createProduct();
  await put(productId, 1);
  expect((await remove(productId)).status).toBe(204);
  expect((await remove(productId)).status).toBe(204);
  expect((await remove(createId('prd'))).status).toBe(204);
  expect(await remove('shoe')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  expect(await rowsOf(buyer)).toEqual([]);
  expect(await cartOf(buyer)).toEqual({ items: [], total: 0 });
});

test('When another member looks, puts or deletes, then they only meet their own cart', async () => {
  const productId = await shop.createProduct();
  const other = await shop.signUp();
  await put(productId, 3);
  expect(await cartOf(other)).toEqual({ items: [], total: 0 });
  expect((await put(productId, 9, other)).status).toBe(201);
  expect((await remove(productId, other)).status).toBe(204);
  expect(await rowsOf(buyer)).toEqual([{ product_id: productId, quantity: 3 }]);
});

test('When nobody is logged in, then 401 and no row', async () => {
  const productId = await shop.createProduct();
  for (const answer of [await put(productId, 1, null), await remove(productId, null), await shop.get('/v1/cart')]) {
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  }
  expect(await system.rows('SELECT 1 FROM cart_items WHERE product_id = ?', [productId])).toEqual([]);
});

test('When product or quantity are not right, then a 4xx says which, and the cart stays as it was', async () => {
  const productId = await shop.createProduct();
  expect(await put(createId('prd'), 1)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  const quantity = [{ pointer: '#/quantity' }];
  expect(await put(productId, 0)).toMatchObject({ status: 422, body: { code: 'invalid_request', errors: quantity } });
  expect(await put(productId, 1.5)).toMatchObject({ status: 422, body: { code: 'invalid_request', errors: quantity } });
  expect(await put(productId, '1')).toMatchObject({
    status: 400,
    body: { code: 'malformed_request', errors: quantity },
  });
  expect(await rowsOf(buyer)).toEqual([]);
});

test('When a cart is full, then a further product is refused, and those in it may still change', async () => {
  const ids = await Promise.all(Array.from({ length: 21 }, () => shop.createProduct()));
  for (const productId of ids.slice(0, 20)) expect((await put(productId, 1)).status).toBe(201);
  expect(await put(ids[20] ?? '', 1)).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
  expect((await put(ids[0] ?? '', 2)).status).toBe(200);
  expect(await rowsOf(buyer)).toHaveLength(20);
});

test('When the same product is put many times at once, then one row remains', async () => {
  const productId = await shop.createProduct();
  const answers = await Promise.all(Array.from({ length: 10 }, () => put(productId, 2)));
  for (const { status } of answers) expect([200, 201]).toContain(status);
  expect(await rowsOf(buyer)).toEqual([{ product_id: productId, quantity: 2 }]);
});
