/** Products and carts while the gate is closed, away, or follows out of order: MariaDB commits, the gate catches up. */
import { randomUUID } from 'node:crypto';
import { createCartsService } from '../../api/carts/service';
import { createProductsService } from '../../api/products/service';
import { createId } from '../../domain/ids';
import { createCartsRepository } from '../../infra/mysql/repositories/carts';
import { createProductsRepository } from '../../infra/mysql/repositories/products';
import { CHECKOUT, connectRedis, waitUntilReady } from '../../infra/redis/connection';
import { createGate } from '../../infra/redis/gate';
import type { Gate } from '../../infra/redis/gate-types';
import { startOwnRedis } from '../support/servers';
import { createGateFixture, type GateFixture } from './support/gate';
import { stockOf } from './support/ledger';

let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let fixture: GateFixture;
const late: string[] = [];

const serviceWith = (gate: Pick<Gate, 'putProduct' | 'applyAdjustment' | 'readStock'>) =>
  createProductsService({
    source: fixture.source,
    products: createProductsRepository(fixture.source),
    gate,
    onGateLate: (_error, productId) => late.push(productId),
  });
const shoe = (stock = 5) => ({ name: 'Shoe', type: 'NORMAL' as const, price: 1_000, stock });
const restock = (productId: string, quantity: number) => ({
  productId,
  quantity,
  memberId: createId('mem'),
  key: randomUUID(),
  hash: 'b'.repeat(64),
});

beforeAll(async () => {
  redis = await startOwnRedis();
  fixture = await createGateFixture(redis.url);
});
afterAll(async () => {
  await fixture.destroy();
  await redis.destroy();
});

test('When the gate is closed, then a product and its restock are committed, and the rebuild brings both', async () => {
  const service = serviceWith(fixture.gate);
  const { productId } = await service.create(shoe(5));
  await service.restock(restock(productId, 2));
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ onHand: 7, adjustments: 2 });
  await expect(service.stock(productId)).rejects.toMatchObject({ code: 'gate_rebuilding', status: 503 });

  await fixture.rebuild();

  expect(await service.stock(productId)).toMatchObject({ available: 7, orderable: true, reason: null });
});

test('When two change a product at once and the older reaches the gate last, then the gate still ends with the newer', async () => {
  const { productId } = await serviceWith(fixture.gate).create(shoe());
  const second = serviceWith(fixture.gate);
  let isHeld = false;
  const first = serviceWith({
    ...fixture.gate,
    // Between the first one's commit and its word to the gate, the second one does both.
    putProduct: async (product) => {
      if (!isHeld) {
        isHeld = true;
        await second.update(productId, { price: 3_000 }, '"2"');
      }
      await fixture.gate.putProduct(product);
    },
  });
  await first.update(productId, { price: 2_000 }, '"1"');
  const { lines } = await fixture.reserve(productId);
  expect(lines).toMatchObject([{ unitPrice: 3_000 }]);
});

test('When a restock never reaches the gate, then the next one brings both, in order', async () => {
  const service = serviceWith(fixture.gate);
  const { productId } = await service.create(shoe(1));
  const dying = serviceWith({ ...fixture.gate, applyAdjustment: () => Promise.reject(new Error('died')) });
  await dying.restock(restock(productId, 10));
  expect(late).toEqual([productId]);
  expect(await fixture.available(productId)).toBe(1);
  await service.restock(restock(productId, 100));
  expect(await fixture.available(productId)).toBe(111);
});

test('When Redis is away, then products are still made and changed, stock says so, and carts are read without it', async () => {
  // A connection as services have it: quick to fail.
  const connection = connectRedis(redis.url, CHECKOUT);
  await waitUntilReady(connection, 5_000);
  const { holdVerdict: readVerdict, readAdjustments } = fixture.ledger;
  const gate = createGate({ redis: connection, shop: fixture.shop, readVerdict, readAdjustments });
  const products = createProductsRepository(fixture.source);
  const carts = createCartsService({ carts: createCartsRepository(fixture.source), products, gate });
  const service = serviceWith(gate);
  await redis.stop();
  late.length = 0;

  const { productId } = await service.create(shoe(3));
  await service.update(productId, { price: 1_500 }, '"1"');
  await service.restock(restock(productId, 1));

  expect(late).toEqual([productId, productId, productId]);
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ onHand: 4, adjustments: 2 });
  await expect(service.stock(productId)).rejects.toMatchObject({ code: 'gate_rebuilding' });
  const memberId = createId('mem');
  expect(await carts.put(memberId, productId, 2)).toMatchObject({ isNew: true, view: { orderable: true } });
  expect(await carts.read(memberId)).toMatchObject({ total: 3_000 });
  connection.disconnect();
});
