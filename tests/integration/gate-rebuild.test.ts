/** The gate is lost in every way there is, and comes back right, while buying goes on. Redis is this test's own. */
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import pino from 'pino';
import { Registry } from 'prom-client';
import { createId } from '../../domain/ids';
import { addStock } from '../../infra/mysql/ledger';
import { inTransaction } from '../../infra/mysql/transaction';
import { rebuildGate } from '../../infra/redis/rebuild';
import { startKeeper } from '../../workers/gate/keeper';
import { createGateMeasures } from '../../workers/gate/measures';
import { startOwnRedis } from '../support/servers';
import { until } from '../support/until';
import { createGateFixture, type GateFixture, toReservation } from './support/gate';
import { expectUnitsAddUp, stockOf } from './support/ledger';

let redis: Awaited<ReturnType<typeof startOwnRedis>>;
let gate: GateFixture;
beforeAll(async () => {
  redis = await startOwnRedis();
  gate = await createGateFixture(redis.url);
});
afterAll(async () => {
  await gate.destroy();
  await redis.destroy();
});

const keeper = () =>
  startKeeper({
    source: gate.source,
    open: gate.open,
    checkDrift: gate.checkDrift,
    driftEveryMs: 200,
    logger: pino({ level: 'silent' }),
    measures: createGateMeasures(new Registry()),
  });

/** Buyers who come one after another on several lanes until told to stop; refusals and errors are a buyer's lot. */
function startBuyers(productId: string, lanes: number) {
  let stopped = false;
  const accepted: string[] = [];
  const attempt = async (): Promise<void> => {
    const request = gate.request(productId);
    const outcome = await gate.gate.reserve(request).catch(() => null);
    if (outcome?.kind !== 'reserved') return void (await new Promise((resolve) => setImmediate(resolve)));
    const [answer] = await gate.ledger.acceptOrders([toReservation(request, outcome)]);
    if (answer?.kind === 'accepted') accepted.push(request.orderId);
    else await gate.gate.dropHold(request.orderId).catch(() => undefined);
  };
  const lane = async (): Promise<void> => {
    while (!stopped) await attempt();
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  return {
    accepted,
    async stop() {
      stopped = true;
      await running;
    },
  };
}

/** At quiet the gate says what MariaDB says, and holds what MariaDB holds open. */
async function expectAgreement(productId: string): Promise<void> {
  const { onHand, held, sold } = await stockOf(gate.sql, productId);
  const free = onHand - held - sold;
  await until(
    async () => {
      await gate.checkDrift();
      return (await gate.available(productId)) === free;
    },
    { within: 20_000, what: `available is ${free}` },
  );
  await expectUnitsAddUp(gate.sql);
}

test('When the gate is rebuilt, then stock, holds, limits, keys and the sequence are as MariaDB has them', async () => {
  const shoe = await gate.product(10, { limit: 2 });
  await gate.rebuild();
  const request = gate.request(shoe);
  await gate.buy(shoe, request);
  const ended = gate.request(shoe);
  await gate.buy(shoe, ended);
  await gate.sql.change("UPDATE orders SET status = 'CONFIRMED' WHERE id = ?", [ended.orderId]);
  await gate.sql.change('UPDATE stock SET held = held - 1, sold = sold + 1 WHERE product_id = ?', [shoe]);
  const before = await gate.holds();
  await gate.redis.flushall();
  expect(await gate.gate.reserve(gate.request(shoe))).toEqual({ kind: 'gateClosed' });

  await gate.rebuild();
  expect(await gate.available(shoe)).toBe(8);
  expect(await gate.holds()).toEqual({ [request.orderId]: before[request.orderId] });
  expect(await gate.gate.reserve({ ...request, orderId: createId('ord') })).toMatchObject({ orderId: request.orderId });
  const two = { memberId: request.memberId, lines: [{ productId: shoe, quantity: 2 }] };
  expect(await gate.gate.reserve(gate.request(shoe, two))).toMatchObject({ kind: 'limitReached' });
  const highest = await gate.sql.rows<{ highest: number }>('SELECT MAX(sequence) AS highest FROM orders');
  const next = await gate.reserve(shoe);
  expect(next.sequence).toBe(Number(highest[0]?.highest) + 1_001);
});

test('When another worker rebuilds, then this one stands back; and a crash leaves the gate closed until the next', async () => {
  const outcomes = await Promise.all([rebuildGate(gate.source, gate.open), rebuildGate(gate.source, gate.open)]);
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['busy', 'rebuilt']);

  const shoe = await gate.product(1);
  const broken = { ...gate.open, runId: () => Promise.reject(new Error('gone')) };
  await expect(rebuildGate(gate.source, broken)).rejects.toThrow('gone');
  const lost = { ...gate.open, runId: async () => 'other' };
  expect(await rebuildGate(gate.source, lost)).toEqual({ kind: 'outdated' });
  expect(await gate.gate.reserve(gate.request(shoe))).toEqual({ kind: 'gateClosed' });
  await gate.rebuild();
  expect(await gate.available(shoe)).toBe(1);
});

test('When the gate key names another server, as after a failover, then the gate is closed', async () => {
  const shoe = await gate.product(1);
  const generation = await gate.rebuild();
  await gate.redis.set(gate.open.keys.gate, `${generation}:${'f'.repeat(40)}`);
  expect(await gate.gate.reserve(gate.request(shoe))).toEqual({ kind: 'gateClosed' });
  const late = await gate.another();
  expect(await late.reserve(gate.request(shoe))).toEqual({ kind: 'gateClosed' });
  await gate.rebuild();
  expect(await late.reserve(gate.request(shoe))).toMatchObject({ kind: 'reserved' });
});

test('When Redis is wiped again and again while buying goes on, then every unit is sold once and none is lost', async () => {
  const shoe = await gate.product(400);
  const worker = keeper();
  const buyers = startBuyers(shoe, 8);
  for (const part of [40, 80, 120]) {
    await until(() => buyers.accepted.length >= part, { within: 30_000, what: `${part} accepted` });
    await gate.redis.flushall();
  }
  await until(() => buyers.accepted.length >= 400, { within: 30_000, what: 'all accepted' });
  await buyers.stop();
  await worker.stop();
  expect(await stockOf(gate.sql, shoe)).toMatchObject({ held: 400, sold: 0 });
  await expectAgreement(shoe);
});

test('When Redis comes back with an older copy of its data while buying goes on, then nothing of it is believed', async () => {
  const shoe = await gate.product(300);
  const worker = keeper();
  const buyers = startBuyers(shoe, 8);
  const data = path.join(redis.dir, 'appendonlydir');
  const copy = path.join(redis.dir, 'older');
  await until(() => buyers.accepted.length >= 50, { within: 30_000, what: '50 accepted' });
  await redis.stop();
  await cp(data, copy, { recursive: true });
  await redis.start();
  await until(() => buyers.accepted.length >= 150, { within: 30_000, what: '150 accepted' });
  await redis.stop();
  await rm(data, { recursive: true });
  await cp(copy, data, { recursive: true });
  await redis.start();
  await until(() => buyers.accepted.length >= 300, { within: 30_000, what: 'all accepted' });
  await buyers.stop();
  await worker.stop();
  expect(await stockOf(gate.sql, shoe)).toMatchObject({ held: 300, sold: 0 });
  await expectAgreement(shoe);
  const [row] = await gate.sql.rows<{ n: number }>(
    "SELECT COUNT(DISTINCT sequence) AS n FROM orders WHERE JSON_VALUE(items, '$[0].productId') = ?",
    [shoe],
  );
  expect(Number(row?.n)).toBe(300);
});

test('When the worker has rebuilt, then keys of older generations are gone', async () => {
  await gate.redis.del(gate.open.keys.gate);
  const worker = keeper();
  await until(worker.isOpen, { within: 10_000, what: 'open' });
  const generation = (await gate.open.current())?.generation;
  const found = await until(
    async () => {
      const names = await gate.redis.keys(gate.open.keys.anyGeneration);
      return names.every((name) => gate.open.keys.generationOf(name) === generation) ? names : null;
    },
    { within: 10_000, what: 'only the open generation' },
  );
  expect(found.length).toBeGreaterThan(0);
  await worker.stop();
});

test('When Redis is wiped in the midst of a rebuild, then the gate stays closed, and the next rebuild has it all', async () => {
  const shoe = await gate.product(100);
  await gate.rebuild();
  const before = await gate.buy(shoe);
  let written = 0;
  const wiped = new Proxy(gate.open.redis, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'pipeline') return value.bind(target);
      return () => {
        const pipeline = target.pipeline();
        const exec = pipeline.exec.bind(pipeline);
        pipeline.exec = async () => {
          const answers = await exec();
          written += 1;
          if (written === 2) await target.flushall();
          return answers;
        };
        return pipeline;
      };
    },
  });
  expect(await rebuildGate(gate.source, { ...gate.open, redis: wiped })).toEqual({ kind: 'outdated' });
  expect(written).toBeGreaterThan(2);
  expect(await gate.redis.exists(gate.open.keys.gate)).toBe(0);

  await gate.rebuild();
  expect(await gate.available(shoe)).toBe(99);
  const after = await gate.buy(shoe);
  const inOrder = await gate.sql.rows<{ id: string }>('SELECT id FROM orders WHERE id IN (?) ORDER BY sequence', [
    [after, before],
  ]);
  expect(inOrder.map(({ id }) => id)).toEqual([before, after]);
});

test('When 10,000 products are in the shop, then a rebuild by pages brings every one of them', async () => {
  for (let page = 0; page < 10; page += 1) {
    const ids = Array.from({ length: 1_000 }, () => createId('prd'));
    const at = new Date();
    await gate.sql.change('INSERT INTO products (id, name, type, price, created_at, updated_at) VALUES ?', [
      ids.map((id) => [id, 'Shoe', 'NORMAL', 100, at, at]),
    ]);
    await gate.sql.change('INSERT INTO stock (product_id, on_hand, adjustments) VALUES ?', [
      ids.map((id) => [id, 7, 1]),
    ]);
  }
  await gate.rebuild();
  const rows = await gate.sql.rows<{ id: string }>(
    'SELECT p.id FROM products p JOIN stock s ON s.product_id = p.id WHERE s.on_hand = 7',
  );
  expect(rows.length).toBeGreaterThanOrEqual(10_000);
  const available = await Promise.all(rows.map(({ id }) => gate.available(id)));
  expect(available.filter((units) => units !== 7)).toEqual([]);
}, 120_000);

test('When units came while the gate was closed, then they are in after the rebuild, once', async () => {
  const shoe = await gate.product(1);
  await gate.redis.del(gate.open.keys.gate);
  const more = await inTransaction(gate.source, (tx) =>
    addStock({ productId: shoe, quantity: 5, reason: 'restock', reference: null }, tx),
  );
  await gate.gate.applyAdjustment(more);
  await gate.rebuild();
  await gate.gate.applyAdjustment(more);
  expect(await gate.available(shoe)).toBe(6);
});
