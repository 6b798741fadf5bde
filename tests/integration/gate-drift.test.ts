/** The drift check: what differs from MariaDB is put right, and what is only under way is left alone. */
import { createId } from '../../domain/ids';
import { addStock } from '../../infra/mysql/ledger';
import { inTransaction } from '../../infra/mysql/transaction';
import { createGateFixture, type GateFixture, toReservation } from './support/gate';

let gate: GateFixture;
beforeAll(async () => {
  gate = await createGateFixture();
  await gate.rebuild();
});
afterAll(() => gate.destroy());

async function product(units: number, options: { limit?: number } = {}): Promise<string> {
  const productId = await gate.product(units, options);
  await gate.checkDrift();
  return productId;
}
const setAvailable = async (productId: string, units: number) =>
  gate.redis.hset((await gate.keys()).product(productId), 'available', units);

test('When MariaDB has a product that the gate lacks, then it comes with its units; a second round changes nothing', async () => {
  const shoe = await gate.product(3);
  expect(await gate.available(shoe)).toBeUndefined();
  expect(await gate.checkDrift()).toMatchObject({ writtenProducts: 1, repaired: [] });
  expect(await gate.available(shoe)).toBe(3);
  expect(await gate.checkDrift()).toEqual({ writtenProducts: 0, repaired: [], removedHolds: 0 });
});

test('When price, window or limit were changed past the gate, then it has them after a round', async () => {
  const shoe = await product(3);
  await gate.sql.change('UPDATE products SET price = 5, limit_per_member = 1, closes_at = ? WHERE id = ?', [
    new Date('2030-01-01T00:00:00.123Z'),
    shoe,
  ]);
  expect(await gate.checkDrift()).toMatchObject({ writtenProducts: 1 });
  expect(await gate.reserve(shoe)).toMatchObject({ amount: 5, limits: { [shoe]: 1 } });
  expect((await gate.gate.readStock([shoe])).get(shoe)?.closesAt).toBe(Date.parse('2030-01-01T00:00:00.123Z'));
});

test('When available is too high or too low, then it is repaired; a hold without a row is counted', async () => {
  const shoe = await product(10);
  await gate.reserve(shoe);
  await setAvailable(shoe, 50);
  expect((await gate.checkDrift())?.repaired).toEqual([{ productId: shoe, units: -41 }]);
  expect(await gate.available(shoe)).toBe(9);
  await setAvailable(shoe, 2);
  expect((await gate.checkDrift())?.repaired).toEqual([{ productId: shoe, units: 7 }]);
  expect(await gate.available(shoe)).toBe(9);
});

test('When a product moves between the reading and the repair, then it is left for the next round', async () => {
  const shoe = await product(10);
  await setAvailable(shoe, 50);
  const { product: keyOf } = await gate.keys();
  const seen = await gate.redis.hget(keyOf(shoe), 'changes');
  await gate.reserve(shoe);
  const ran = await gate.open.run('repairAvailable', (keys) => ({
    keys: [keys.product(shoe)],
    args: [shoe, seen ?? '', 10, gate.open.keys.rises],
  }));
  expect(ran?.reply).toEqual(['moved']);
  expect(await gate.available(shoe)).toBe(49);
  await gate.checkDrift();
  expect(await gate.available(shoe)).toBe(9);
});

test('When a service died between gate and ledger, then its units come back after ten seconds, and not before', async () => {
  const shoe = await product(10);
  const { request } = await gate.reserve(shoe);
  expect(await gate.checkDrift()).toMatchObject({ removedHolds: 0, repaired: [] });
  expect(await gate.available(shoe)).toBe(9);
  await gate.redis.zincrby((await gate.keys()).fresh, -10_001, request.orderId);
  expect(await gate.checkDrift()).toMatchObject({ removedHolds: 1 });
  expect(await gate.available(shoe)).toBe(10);
});

test('When an order ended and nobody told the gate, then its hold goes and its units come back once', async () => {
  const shoe = await product(10, { limit: 1 });
  const orderId = await gate.buy(shoe);
  await gate.sql.change("UPDATE orders SET status = 'EXPIRED' WHERE id = ?", [orderId]);
  await gate.sql.change('UPDATE stock SET held = held - 1 WHERE product_id = ?', [shoe]);
  await gate.checkDrift();
  await gate.checkDrift();
  expect(await gate.available(shoe)).toBe(10);
  expect(await gate.holds()).not.toHaveProperty(orderId);
});

test('When the hold of an open order is missing, then it is taken again, and its end gives back what it should', async () => {
  const shoe = await product(10);
  const orderId = await gate.buy(shoe);
  const { holds } = await gate.keys();
  await gate.redis.hdel(holds, orderId);
  await setAvailable(shoe, 10);
  await gate.checkDrift();
  expect(await gate.available(shoe)).toBe(9);
  expect(await gate.holds()).toHaveProperty(orderId);
  await gate.sql.change("UPDATE orders SET status = 'CANCELLED' WHERE id = ?", [orderId]);
  await gate.sql.change('UPDATE stock SET held = held - 1 WHERE product_id = ?', [shoe]);
  await gate.gate.syncHold(orderId);
  await gate.checkDrift();
  expect(await gate.available(shoe)).toBe(10);
});

test('When a restock was never told, then it is applied by its number, and telling it late does nothing', async () => {
  const shoe = await product(1);
  const more = await inTransaction(gate.source, (tx) =>
    addStock({ productId: shoe, quantity: 4, reason: 'restock', reference: null }, tx),
  );
  await gate.checkDrift();
  await gate.gate.applyAdjustment(more);
  expect(await gate.checkDrift()).toMatchObject({ repaired: [] });
  expect(await gate.available(shoe)).toBe(5);
});

test('When the ledger refused a line and the hold was dropped, then the units of the other lines come back', async () => {
  const shoe = await product(2, { limit: 1 });
  const hat = await product(2);
  const lines = [shoe, hat].map((productId) => ({ productId, quantity: 1 }));
  const memberId = createId('mem');
  await gate.buy(shoe, { memberId });
  await gate.redis.del((await gate.keys()).units(shoe));
  const { request, ...outcome } = await gate.reserve(shoe, { memberId, lines });
  const [answer] = await gate.ledger.acceptOrders([toReservation(request, outcome)]);
  expect(answer).toEqual({ kind: 'limitReached', productId: shoe });
  await gate.gate.dropHold(request.orderId);
  expect([await gate.available(shoe), await gate.available(hat)]).toEqual([0, 1]);
  await gate.checkDrift();
  expect([await gate.available(shoe), await gate.available(hat)]).toEqual([1, 2]);
});
