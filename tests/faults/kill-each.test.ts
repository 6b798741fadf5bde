/**
 * `kill -9` of each process in turn while 300 buyers want 100 units: every checkout ends, 100 are confirmed,
 * the audit is clean. Nobody but the launcher's supervision repairs anything.
 */
import { runDrop } from '../e2e/support/drop';
import { type Buyer, createShop, type Shop } from '../e2e/support/shop';
import { connectSystem, type System } from '../e2e/support/system';

const BUYERS = 300;
const UNITS = 100;
const WITHIN_MS = 120_000;

/** One case per process; a process without a case fails the first test. */
const PARTS = [
  'mariadb',
  'redis',
  'kafka',
  'temporal',
  'sandbox',
  'gateway',
  'services',
  'checkout',
  'dispatcher',
  'relay',
  'consumers',
  'gate',
] as const;

let system: System;
let shop: Shop;
let crowd: Buyer[];

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  crowd = await system.crowd(shop, BUYERS);
}, 180_000);
afterAll(() => system.close());

test('When the stack has a process, then there is a case that kills it', () => {
  expect(Object.keys(system.parts()).sort()).toEqual([...PARTS].sort());
});

test.each(PARTS)(
  'When %s is killed in the middle of a drop, then every checkout ends and the audit is clean',
  async (part) => {
    const productId = await shop.createProduct({
      type: 'EVENT',
      opensAt: new Date(Date.now() - 1_000).toISOString(),
      stock: UNITS,
      limitPerMember: 1,
    });
    const before = system.parts()[part]?.pid;
    const drop = runDrop(shop, crowd, productId, Date.now() + WITHIN_MS);
    await system.until('the first acceptances', async () => {
      const { held, sold } = await system.stock(productId);
      return held + sold >= 10 ? true : null;
    });

    system.kill(part);
    const outcomes = await drop;

    expect(outcomes.filter((outcome) => outcome.orderId !== null)).toHaveLength(UNITS);
    await system.until(`${part} to be running again`, async () => {
      const now = system.parts()[part]?.pid;
      return now !== undefined && now !== before && (await system.isReady(part)) ? true : null;
    });
    await system.until('every order confirmed', async () => {
      const { held, sold } = await system.stock(productId);
      return held === 0 && sold === UNITS ? true : null;
    });
    expect(await system.audit()).toEqual({ ok: true, failed: [] });
  },
  WITHIN_MS + 120_000,
);
