/**
 * What the gate does for its callers by its scripts, on a real Redis beside a real ledger: repeats, expiries, races. Each
 * answer of each script by itself is in gate-answers.test.ts.
 */
import { createId } from '../../domain/ids';
import { addStock } from '../../infra/mysql/ledger';
import { inTransaction } from '../../infra/mysql/transaction';
import { createGateFixture, type GateFixture, hashOf, toReservation } from './support/gate';

let gate: GateFixture;
beforeAll(async () => {
  gate = await createGateFixture();
});
afterAll(() => gate.destroy());

/** A product on sale in both stores. */
async function product(units: number, options: { price?: number; limit?: number } = {}): Promise<string> {
  const productId = await gate.product(units, options);
  await gate.rebuild();
  return productId;
}
const end = (orderId: string, status: string) =>
  gate.sql.change('UPDATE orders SET status = ? WHERE id = ?', [status, orderId]);

describe('reserveStock', () => {
  test('When nothing was built yet, then the gate is closed and answers so', async () => {
    const closed = await createGateFixture();
    expect(await closed.gate.reserve(closed.request(createId('prd')))).toEqual({ kind: 'gateClosed' });
    expect(await closed.gate.syncHold(createId('ord'))).toBe('unavailable');
    expect(await closed.gate.adopt({ ...closed.request(createId('prd')), sequence: 1 })).toBe('unavailable');
    expect(await closed.gate.readStock([createId('prd')])).toEqual(new Map());
    await closed.destroy();
  });

  test('When units are there, then all lines are taken, with price, limit, amount and the next sequence', async () => {
    const shoe = await product(5, { price: 1_000 });
    const shirt = await product(5, { price: 300, limit: 2 });
    const lines = [
      { productId: shoe, quantity: 2 },
      { productId: shirt, quantity: 1 },
    ];
    const first = await gate.reserve(shoe, { lines, expectedAmount: 2_300 });
    const second = await gate.reserve(shoe);
    expect(first).toMatchObject({ amount: 2_300, limits: { [shirt]: 2 } });
    expect(first.lines).toEqual([
      { productId: shoe, name: 'Shoe', quantity: 2, unitPrice: 1_000 },
      { productId: shirt, name: 'Shoe', quantity: 1, unitPrice: 300 },
    ]);
    expect(second.sequence).toBe(first.sequence + 1);
    expect([await gate.available(shoe), await gate.available(shirt)]).toEqual([2, 4]);
  });

  test('When one line is sold out, then nothing of the others is taken', async () => {
    const shoe = await product(5);
    const gone = await product(1);
    const refused = gate.request(shoe, {
      lines: [
        { productId: shoe, quantity: 1 },
        { productId: gone, quantity: 2 },
      ],
    });
    expect(await gate.gate.reserve(refused)).toEqual({ kind: 'soldOut', productId: gone });
    expect([await gate.available(shoe), await gate.available(gone)]).toEqual([5, 1]);
    expect(await gate.holds()).not.toHaveProperty(refused.orderId);
    // A refusal frees the key.
    expect(await gate.gate.reserve({ ...refused, lines: [{ productId: shoe, quantity: 1 }] })).toMatchObject({
      kind: 'reserved',
    });
  });

  test('When a request comes twice, then the units go once and the key names the first order', async () => {
    const shoe = await product(5);
    const { request } = await gate.reserve(shoe, { bodyHash: hashOf(7) });
    const same = await gate.gate.reserve(request);
    const other = await gate.gate.reserve({ ...request, orderId: createId('ord'), bodyHash: hashOf(8) });
    const replayed = { kind: 'replayed', orderId: request.orderId, bodyHash: hashOf(7) };
    expect([same, other]).toEqual([replayed, replayed]);
    expect(await gate.available(shoe)).toBe(4);
  });

  test('When a member would own more than the limit, then limitReached; another member may', async () => {
    const shoe = await product(9, { limit: 2 });
    const memberId = createId('mem');
    await gate.reserve(shoe, { memberId, lines: [{ productId: shoe, quantity: 2 }] });
    const more = await gate.gate.reserve(gate.request(shoe, { memberId }));
    expect(more).toEqual({ kind: 'limitReached', productId: shoe });
    await gate.reserve(shoe);
    expect(await gate.available(shoe)).toBe(6);
  });

  test('When lines name a product twice, then their units count together', async () => {
    const shoe = await product(9, { limit: 2 });
    const lines = [
      { productId: shoe, quantity: 2 },
      { productId: shoe, quantity: 1 },
    ];
    expect(await gate.gate.reserve(gate.request(shoe, { lines }))).toEqual({ kind: 'limitReached', productId: shoe });
  });

  test('When the sale is not open, or over, by the clock of Redis, then it says since when', async () => {
    const shoe = await product(5);
    const at = Date.now();
    const window = { productId: shoe, name: 'Shoe', price: 1_000, limitPerMember: null };
    await gate.gate.putProduct({ ...window, opensAt: at + 60_000, closesAt: null });
    expect(await gate.gate.reserve(gate.request(shoe))).toEqual({
      kind: 'notOpen',
      productId: shoe,
      opensAt: new Date(at + 60_000).toISOString(),
    });
    await gate.gate.putProduct({ ...window, opensAt: null, closesAt: at - 1 });
    expect(await gate.gate.reserve(gate.request(shoe))).toEqual({ kind: 'closed', productId: shoe });
    await gate.gate.putProduct({ ...window, opensAt: at - 1, closesAt: at + 60_000 });
    expect(await gate.gate.reserve(gate.request(shoe))).toMatchObject({ kind: 'reserved' });
  });

  test('When the price is not what the buyer saw, then priceChanged with the amount of now', async () => {
    const shoe = await product(5, { price: 1_000 });
    const refused = await gate.gate.reserve(gate.request(shoe, { expectedAmount: 900 }));
    expect(refused).toEqual({ kind: 'priceChanged', amount: 1_000 });
    expect(await gate.available(shoe)).toBe(5);
  });

  test('When the gate does not know a product, then it is closed for it', async () => {
    await product(1);
    expect(await gate.gate.reserve(gate.request(createId('prd')))).toEqual({ kind: 'gateClosed' });
  });

  test('When 1,000 buyers of three processes ask at once for 300 units, then 300 have them, in sequence 1 to 300', async () => {
    const shoe = await product(300);
    const gates = [gate.gate, await gate.another(), await gate.another()];
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => (gates[n % 3] ?? gate.gate).reserve(gate.request(shoe))),
    );
    const numbers = outcomes.flatMap((each) => (each.kind === 'reserved' ? [each.sequence] : [])).sort((a, b) => a - b);
    const refused = outcomes.filter((each) => each.kind === 'soldOut');
    const [first = 0] = numbers;
    expect(numbers).toEqual(Array.from({ length: 300 }, (_, n) => first + n));
    expect(refused).toHaveLength(700);
    expect(await gate.available(shoe)).toBe(0);
  });
});

describe('holds', () => {
  test('When the order is open, then its hold is kept and adopted; sold, removed; ended, given back once', async () => {
    const shoe = await product(5, { limit: 1 });
    const memberId = createId('mem');
    const orderId = await gate.buy(shoe, { memberId });
    expect(await gate.gate.syncHold(orderId)).toBe('kept');
    const saga = { orderId, memberId, sequence: 1, lines: [{ productId: shoe, quantity: 1 }] };
    expect(await gate.gate.adopt(saga)).toBe('adopted');
    await end(orderId, 'CONFIRMED');
    expect(await gate.gate.syncHold(orderId)).toBe('removed');
    expect(await gate.gate.syncHold(orderId)).toBe('none');
    expect(await gate.available(shoe)).toBe(4);
    expect(await gate.gate.reserve(gate.request(shoe, { memberId }))).toMatchObject({ kind: 'limitReached' });

    const second = await gate.buy(shoe);
    await end(second, 'EXPIRED');
    expect(await Promise.all([gate.gate.syncHold(second), gate.gate.syncHold(second)])).toContain('removed');
    expect(await gate.gate.syncHold(second)).toBe('none');
    expect(await gate.available(shoe)).toBe(4);
  });

  test('When an ended order gave units back, then its member may buy again, and its key stays bound', async () => {
    const shoe = await product(5, { limit: 1 });
    const request = gate.request(shoe);
    const orderId = await gate.buy(shoe, request);
    await end(orderId, 'CANCELLED');
    await gate.gate.syncHold(orderId);
    expect(await gate.gate.reserve(request)).toMatchObject({ kind: 'replayed', orderId });
    await gate.reserve(shoe, { memberId: request.memberId });
  });

  test('When a hold has no row, then it is kept while young, and given back with its key when abandoned', async () => {
    const shoe = await product(5, { limit: 1 });
    const { request } = await gate.reserve(shoe);
    expect(await gate.gate.syncHold(request.orderId)).toBe('kept');
    const { fresh } = await gate.keys();
    await gate.redis.zincrby(fresh, -10_001, request.orderId);
    expect(await gate.gate.syncHold(request.orderId)).toBe('removed');
    expect(await gate.available(shoe)).toBe(5);
    expect(await gate.gate.reserve({ ...request, orderId: createId('ord') })).toMatchObject({ kind: 'reserved' });
  });

  test('When the ledger refused, then the hold is dropped, nothing is given back, and key and limit are free', async () => {
    const shoe = await product(5, { limit: 1 });
    const { request } = await gate.reserve(shoe);
    await gate.gate.dropHold(request.orderId);
    await gate.gate.dropHold(request.orderId);
    expect(await gate.available(shoe)).toBe(4);
    expect(await gate.gate.reserve({ ...request, orderId: createId('ord') })).toMatchObject({ kind: 'reserved' });
  });

  test('When the gate lost a hold, then its saga takes it again, even below zero, and once', async () => {
    const shoe = await product(1);
    const order = { orderId: createId('ord'), memberId: createId('mem'), sequence: 9 };
    const saga = { ...order, lines: [{ productId: shoe, quantity: 2 }] };
    expect(await Promise.all([gate.gate.adopt(saga), gate.gate.adopt(saga)])).toEqual(['retaken', 'adopted']);
    expect(await gate.available(shoe)).toBe(-1);
    expect(await gate.gate.reserve(gate.request(shoe))).toMatchObject({ kind: 'soldOut' });
  });

  test('When the generation went on between gate and ledger, then the ledger refuses the reservation', async () => {
    const shoe = await product(5);
    const { request, ...outcome } = await gate.reserve(shoe);
    await gate.rebuild();
    const [answer] = await gate.ledger.acceptOrders([toReservation(request, outcome)]);
    expect(answer).toEqual({ kind: 'staleGeneration' });
    expect(await gate.available(shoe)).toBe(5);
  });
});

describe('adjustments', () => {
  const restock = (productId: string, quantity: number) =>
    inTransaction(gate.source, (tx) => addStock({ productId, quantity, reason: 'restock', reference: null }, tx));

  test('When one comes again, then nothing; when one comes early, then those before it are fetched first', async () => {
    const shoe = await product(1);
    const second = await restock(shoe, 10);
    const third = await restock(shoe, 100);
    await gate.gate.applyAdjustment(third);
    expect(await gate.available(shoe)).toBe(111);
    await Promise.all([second, third, second].map((each) => gate.gate.applyAdjustment(each)));
    expect(await gate.available(shoe)).toBe(111);
  });

  test('When a refund returns units, then the limit of its member is free too', async () => {
    const shoe = await product(5, { limit: 1 });
    const memberId = createId('mem');
    await gate.reserve(shoe, { memberId });
    await gate.gate.applyAdjustment({ productId: shoe, n: 2, delta: 1, memberId });
    await gate.reserve(shoe, { memberId });
    expect(await gate.available(shoe)).toBe(4);
  });

  test('When a new product is put, then it has no units until its first adjustment', async () => {
    await product(1);
    const productId = createId('prd');
    const added = { productId, name: 'Hat', price: 50, opensAt: null, closesAt: null, limitPerMember: null };
    await gate.gate.applyAdjustment({ productId, n: 1, delta: 3 });
    await gate.gate.putProduct(added);
    expect(await gate.gate.reserve(gate.request(productId))).toEqual({ kind: 'soldOut', productId });
    await gate.gate.applyAdjustment({ productId, n: 1, delta: 3 });
    const stock = (await gate.gate.readStock([productId, createId('prd')])).get(productId);
    expect(stock).toMatchObject({ productId, available: 3, version: 1, opensAt: null, closesAt: null });
    expect(Math.abs((stock?.asOf ?? 0) - Date.now())).toBeLessThan(5_000);
  });
});
