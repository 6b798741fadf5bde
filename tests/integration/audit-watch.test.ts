/** `audit --watch` beside a sale: what is under way is no violation, what stands there for good is one. */
import { runAudit } from '../../audit/audit';
import { CHECKS } from '../../audit/index';
import { auditTwice } from '../../audit/run';
import { addStock } from '../../infra/mysql/ledger';
import { inTransaction } from '../../infra/mysql/transaction';
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
/** Nothing heals here by itself: the looks need not be far apart. */
const watched = async (): Promise<string[]> => failed((await auditTwice(shop.deps, 300)).checks);
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

test('When units were added and the gate has not been told yet, then it is behind; when it was told and lacks them, it is wrong', async () => {
  const restock = { productId: shop.productId, quantity: 5, reason: 'restock', reference: null } as const;
  const adjustment = await inTransaction(shop.gate.source, (tx) => addStock(restock, tx));
  expect(await lookedAtOnce()).toEqual(['I1']);
  expect(await watched()).toEqual([]);
  const key = (await shop.gate.keys()).product(shop.productId);
  await whilePlanted(
    () => shop.gate.redis.hincrby(key, 'applied', 1),
    () => shop.gate.redis.hincrby(key, 'applied', -1),
    async () => expect(await watched()).toEqual(['I1']),
  );
  await shop.gate.gate.applyAdjustment(adjustment);
  expect(await lookedAtOnce()).toEqual([]);
});

test('When the gate is closed, then the sale pauses: at quiet that is a finding', async () => {
  const { redis, open } = shop.gate;
  const token = (await redis.get(open.keys.gate)) ?? '';
  await whilePlanted(
    () => redis.del(open.keys.gate),
    () => redis.set(open.keys.gate, token),
    async () => {
      expect(await lookedAtOnce()).toEqual(['I1']);
      expect(await watched()).toEqual([]);
    },
  );
});

test('When something is wrong in MariaDB for the length of one look, then that look tells it', async () => {
  const { orderId } = shop.queued;
  let looks = 0;
  const passing = {
    ...shop.deps,
    inSnapshot: async <T>(read: Parameters<typeof shop.deps.inSnapshot<T>>[0]) => {
      looks += 1;
      if (looks === 2)
        await sql("UPDATE orders SET items = JSON_SET(items, '$[0].quantity', 100) WHERE id = ?", orderId)();
      const finding = await shop.deps.inSnapshot(read);
      if (looks === 2)
        await sql("UPDATE orders SET items = JSON_SET(items, '$[0].quantity', 1) WHERE id = ?", orderId)();
      return finding;
    },
  };
  expect(failed((await auditTwice(passing, 300)).checks)).toEqual(['I2']);
  expect(await lookedAtOnce()).toEqual([]);
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
    sql: {
      ...shop.deps.sql,
      rows: async <R>(text: string): Promise<readonly R[]> => {
        // The look itself finds MariaDB there.
        if (text === 'SELECT 1') return [];
        throw new Error('gone away');
      },
    },
    inSnapshot: <T>(read: Parameters<typeof shop.deps.inSnapshot<T>>[0]) => {
      reads += 1;
      return shop.deps.inSnapshot(read);
    },
  };
  const { ok, checks } = await auditTwice(breaking);
  expect([ok, failed(checks), reads]).toEqual([false, ['versions'], CHECKS.length]);
});
