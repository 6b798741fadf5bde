/** `audit --watch` beside a sale: what is under way is no violation, what stands there for good is one. */
import { runAudit } from '../../audit/audit';
import { CHECKS } from '../../audit/index';
import { auditTwice } from '../../audit/run';
import { type AuditedShop, createAuditedShop } from './support/audited';
import { createLooks, whilePlanted } from './support/looks';

let shop: AuditedShop;
beforeAll(async () => {
  shop = await createAuditedShop();
});
afterAll(() => shop.destroy());

const { sql } = createLooks(() => shop);
const failed = (checks: readonly { readonly name: string; readonly ok: boolean }[]): string[] =>
  checks.filter(({ ok }) => !ok).map(({ name }) => name.split(' ')[0] ?? '');
const watched = async (): Promise<string[]> => failed((await auditTwice(shop.deps)).checks);
const lookedAtOnce = async (): Promise<string[]> => failed((await runAudit(shop.deps, CHECKS)).checks);

/** Looks while the gate's product changes all the time. */
async function whileTouched<T>(key: string, look: () => Promise<T>): Promise<T> {
  let goesOn = true;
  const touching = (async () => {
    while (goesOn) await shop.gate.redis.hincrby(key, 'changes', 1);
  })();
  try {
    return await look();
  } finally {
    goesOn = false;
    await touching;
  }
}

test('When a buyer’s service died between gate and ledger, then its hold is under way for a minute, and a stray after it', async () => {
  const { redis } = shop.gate;
  const keys = await shop.gate.keys();
  const { request } = await shop.gate.reserve(shop.productId);
  try {
    // At quiet the unit is missing; during a sale its row may come any moment.
    expect(await lookedAtOnce()).toEqual(['I1']);
    expect(await watched()).toEqual([]);
    const [seconds] = await redis.time();
    await redis.zadd(keys.fresh, (Number(seconds) - 61) * 1_000, request.orderId);
    expect(await watched()).toEqual(['I8']);
  } finally {
    await shop.gate.gate.syncHold(request.orderId);
  }
  expect(await lookedAtOnce()).toEqual([]);
});

test('When an order has just ended and its hold is still there, then it is under way; when it stays, it is stuck', async () => {
  const { orderId } = await shop.cancelledInMariadb();
  try {
    expect(await lookedAtOnce()).toEqual(['I1', 'I12']);
    expect(await watched()).toEqual([]);
    await shop.gate.sql.change('UPDATE orders SET updated_at = updated_at - INTERVAL 2 MINUTE WHERE id = ?', [orderId]);
    expect(await watched()).toEqual(['I12']);
  } finally {
    await shop.gate.gate.syncHold(orderId);
  }
  expect(await lookedAtOnce()).toEqual([]);
});

test('When the gate has a unit too many and nobody touches the product, then it is reported; while buyers do, it is not judged', async () => {
  const { redis } = shop.gate;
  const key = (await shop.gate.keys()).product(shop.productId);
  await whilePlanted(
    () => redis.hincrby(key, 'available', 1),
    () => redis.hincrby(key, 'available', -1),
    async () => {
      expect(await watched()).toEqual(['I1']);
      expect(await whileTouched(key, watched)).toEqual([]);
    },
  );
});

test('When more is sold than there is while buyers buy it, then it is reported all the same', async () => {
  const key = (await shop.gate.keys()).product(shop.productId);
  const { orderId } = shop.queued;
  await whilePlanted(
    sql("UPDATE orders SET items = JSON_SET(items, '$[0].quantity', 100) WHERE id = ?", orderId),
    sql("UPDATE orders SET items = JSON_SET(items, '$[0].quantity', 1) WHERE id = ?", orderId),
    async () => {
      expect(await whileTouched(key, watched)).toEqual(['I1', 'I2']);
    },
  );
});

test('When the provider has captured and the saga does not know yet, then the payment is under way; when the order has settled, money is missing', async () => {
  const order = await shop.begunPayment();
  expect(await lookedAtOnce()).toEqual(['I3', 'I5']);
  expect(await watched()).toEqual([]);
  // The saga was told otherwise, and believes it: the buyer is charged for nothing.
  await shop.gate.ledger.recordDecline({ ...order, code: 'REJECT_CARD_PAYMENT', message: 'no', attemptsMax: 1 });
  await shop.gate.ledger.endOrder({ ...order, status: 'PAYMENT_FAILED', reason: 'payment_declined' });
  await shop.gate.gate.syncHold(order.orderId);
  expect(await watched()).toEqual([]);
  await sql('UPDATE orders SET updated_at = updated_at - INTERVAL 2 MINUTE WHERE id = ?', order.orderId)();
  expect(await watched()).toEqual(['I3', 'I5']);
});

test('When versions cannot be read between the looks, then nobody is accused and the round is not ok', async () => {
  let reads = 0;
  const breaking = {
    ...shop.deps,
    sql: { ...shop.deps.sql, rows: () => Promise.reject(new Error('gone away')) },
    inSnapshot: <T>(read: Parameters<typeof shop.deps.inSnapshot<T>>[0]) => {
      reads += 1;
      return shop.deps.inSnapshot(read);
    },
  };
  const { ok, checks } = await auditTwice(breaking);
  expect([ok, failed(checks), reads]).toEqual([false, ['versions'], CHECKS.length]);
});
