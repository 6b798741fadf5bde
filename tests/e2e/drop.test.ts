/** A drop through the gateway: more buyers than units, all at once. */
import { type Buying, createBuying } from './support/buying';
import { createShop, type Shop } from './support/shop';
import { connectSystem, type System } from './support/system';

const BUYERS = 300;
const UNITS = 100;

let system: System;
let shop: Shop;
let buying: Buying;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  buying = createBuying(shop);
});
afterAll(() => system.close());

/** The orders that hold or own a unit of a product, as recorded: in the order of their numbers. */
const recorded = async (productId: string) => {
  const rows = await system.rows<{ id: string; sequence: number | string; status: string }>(
    `SELECT o.id, o.sequence, o.status FROM orders o
     WHERE JSON_VALUE(o.items, '$[0].productId') = ? ORDER BY o.sequence`,
    [productId],
  );
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
};

test('When 300 buyers want 100 units, then 100 are confirmed, numbered in sequence without a gap, and 200 are refused', async () => {
  const productId = await shop.createProduct({
    type: 'EVENT',
    opensAt: new Date(Date.now() - 1_000).toISOString(),
    stock: UNITS,
    limitPerMember: 1,
  });
  const buyers = await system.crowd(shop, BUYERS);

  const answers = await Promise.all(
    buyers.map(async (who) => ({ who, answer: await shop.checkout(who, [{ productId, quantity: 1 }]) })),
  );
  const won = answers.filter(({ answer }) => answer.status === 202);
  const refused = answers.filter(({ answer }) => answer.status === 409);
  await Promise.all(won.map(({ who, answer }) => buying.pay(who, answer.body)));

  expect(won).toHaveLength(UNITS);
  expect(refused).toHaveLength(BUYERS - UNITS);
  expect(refused.every(({ answer }) => 'code' in answer.body && answer.body.code === 'sold_out')).toBe(true);
  await system.until('100 confirmed', async () => {
    const stock = await system.stock(productId);
    return stock.sold === UNITS ? stock : null;
  });
  expect(await system.stock(productId)).toEqual({ on_hand: UNITS, held: 0, sold: UNITS });
  await system.untilGateAvailable(productId, 0);
  const orders = await recorded(productId);
  expect(orders.map(({ status }) => status)).toEqual(Array(UNITS).fill('CONFIRMED'));
  // Each buyer was told the number that is recorded, and the numbers follow one another: the units went to the first
  // hundred that reached the gate, and nobody who was refused stood between two who won.
  const told = won.map(({ answer }) => ({ id: answer.body.orderId, sequence: answer.body.sequence }));
  told.sort((a, b) => a.sequence - b.sequence);
  expect(orders.map(({ id, sequence }) => ({ id, sequence }))).toEqual(told);
  const first = orders[0]?.sequence ?? 0;
  expect(orders.map(({ sequence }) => sequence)).toEqual(Array.from({ length: UNITS }, (_, place) => first + place));
  const late = await shop.checkout(await shop.signUp(), [{ productId, quantity: 1 }]);
  expect(late.body).toMatchObject({ code: 'sold_out', final: true });
  // 600 password hashes before the clock starts, and a hundred sagas after it.
}, 240_000);
