/** Every check of the audit (units: audit-stock, money: audit-money, the line: audit-line), seen to fail: one violation is planted, found with its id, and taken away again. */
import { runAudit } from '../../audit/audit';
import { CHECKS } from '../../audit/index';
import { createId } from '../../domain/ids';
import { createOutboxRepository } from '../../infra/mysql/repositories/outbox';
import { formatHold } from '../../infra/redis/hold';
import type { AuditedShop } from './support/audited';
import { PRICE } from './support/ledger';
import { useAuditedShop, whilePlanted } from './support/looks';

const audited = useAuditedShop();
const { violations, found, sql } = audited;
let shop: AuditedShop;
beforeAll(() => {
  shop = audited.shop();
});

test('When all is well, then each of the thirteen checks says so, and has looked at something', async () => {
  const { ok, checks } = await runAudit(shop.deps, CHECKS);
  expect(ok).toBe(true);
  expect(checks.map(({ name }) => name.split(' ')[0])).toEqual(Array.from({ length: 13 }, (_, n) => `I${n + 1}`));
  const idle = checks.filter(({ counts }) => Math.max(...Object.values(counts)) === 0);
  expect(idle.map(({ name }) => name)).toEqual([]);
});

describe('I7', () => {
  test('When a final state moved, then the move is named', () =>
    whilePlanted(
      sql(
        "INSERT INTO order_history (order_id, status, reason, at) VALUES (?, 'CONFIRMED', 'paid', UTC_TIMESTAMP(3))",
        shop.cancelled.orderId,
      ),
      sql("DELETE FROM order_history WHERE order_id = ? AND status = 'CONFIRMED'", shop.cancelled.orderId),
      async () => {
        expect(await found('I7')).toContainEqual({
          orderId: shop.cancelled.orderId,
          from: 'CANCELLED',
          to: 'CONFIRMED',
        });
      },
    ));
  test('When a payment made a move that no payment may make, then it is named, as it is when its history says less', async () => {
    const [paid] = await shop.deps.sql.rows<{ paymentId: string }>(
      "SELECT id AS paymentId FROM payments WHERE status = 'DONE'",
    );
    const paymentId = paid?.paymentId ?? '';
    await whilePlanted(
      sql(
        "INSERT INTO payment_history (payment_id, status, reason, at) VALUES (?, 'READY', 'planted', UTC_TIMESTAMP(3))",
        paymentId,
      ),
      sql("DELETE FROM payment_history WHERE payment_id = ? AND reason = 'planted'", paymentId),
      async () => {
        expect(await found('I7')).toEqual([
          { paymentId, from: 'DONE', to: 'READY' },
          { paymentId, status: 'DONE', history: 'READY' },
        ]);
      },
    );
  });
  test('When the state is not the last of its history, then the order is named', () =>
    whilePlanted(
      sql("UPDATE orders SET status = 'EXPIRED' WHERE id = ?", shop.cancelled.orderId),
      sql("UPDATE orders SET status = 'CANCELLED' WHERE id = ?", shop.cancelled.orderId),
      async () => {
        expect(await found('I7')).toEqual([
          { orderId: shop.cancelled.orderId, status: 'EXPIRED', history: 'CANCELLED' },
        ]);
      },
    ));
  test('When an order is open long after its deadline, then it is named', () =>
    whilePlanted(
      sql(
        `UPDATE orders SET status = 'PENDING_PAYMENT', pay_by = UTC_TIMESTAMP(3) - INTERVAL 2 MINUTE WHERE id = ?`,
        shop.queued.orderId,
      ),
      sql("UPDATE orders SET status = 'QUEUED', pay_by = NULL WHERE id = ?", shop.queued.orderId),
      async () => {
        expect(await found('I7')).toContainEqual(
          expect.objectContaining({ orderId: shop.queued.orderId, what: 'open beyond its deadline' }),
        );
      },
    ));
});

describe('I8', () => {
  test('When a hold has had no order for over a minute, then it is named', async () => {
    const { redis } = shop.gate;
    const keys = await shop.gate.keys();
    const { request } = await shop.gate.reserve(shop.productId);
    const [seconds] = await redis.time();
    await whilePlanted(
      () => redis.zadd(keys.fresh, (Number(seconds) - 61) * 1_000, request.orderId),
      () => shop.gate.gate.syncHold(request.orderId),
      async () => {
        expect(await found('I8')).toEqual([{ orderId: request.orderId, what: 'hold without an order' }]);
      },
    );
  });
  test('When the owner of an open order is no running workflow, then the order is named', () =>
    whilePlanted(
      sql(
        `UPDATE orders SET owner = 'checkout-nobody', updated_at = UTC_TIMESTAMP(3) - INTERVAL 2 MINUTE WHERE id = ?`,
        shop.queued.orderId,
      ),
      sql('UPDATE orders SET owner = NULL, updated_at = UTC_TIMESTAMP(3) WHERE id = ?', shop.queued.orderId),
      async () => {
        expect(await found('I8')).toEqual([
          { orderId: shop.queued.orderId, owner: 'checkout-nobody', what: 'its owner is not running' },
        ]);
      },
    ));
});

describe('I9', () => {
  test('When an event was never taken, then consumer and event are named', async () => {
    const [event] = await shop.gate.sql.rows<{ eventId: string }>(
      "SELECT event_id AS eventId FROM outbox WHERE order_id = ? AND type = 'order.created'",
      [shop.confirmed.orderId],
    );
    const eventId = event?.eventId ?? '';
    await shop.gate.sql.change('UPDATE outbox SET created_at = created_at - INTERVAL 2 MINUTE');
    await whilePlanted(
      sql("DELETE FROM inbox WHERE consumer = 'notifications' AND event_id = ?", eventId),
      sql("INSERT INTO inbox (consumer, event_id, at) VALUES ('notifications', ?, UTC_TIMESTAMP(3))", eventId),
      async () => {
        expect(await found('I9')).toEqual([{ consumer: 'notifications', eventId, what: 'no effect' }]);
      },
    );
  });
  test('When sales counted one twice, then the product is named', () =>
    whilePlanted(
      sql('UPDATE sales_minutes SET units = units + 1 WHERE product_id = ? LIMIT 1', shop.productId),
      sql('UPDATE sales_minutes SET units = units - 1 WHERE product_id = ? LIMIT 1', shop.productId),
      async () => {
        expect(await found('I9')).toEqual([{ consumer: 'sales', productId: shop.productId, says: 2, expected: 1 }]);
      },
    ));
});

describe('I10', () => {
  const keyOf = async (orderId: string): Promise<string> =>
    (await shop.gate.sql.rows<{ k: string }>('SELECT idempotency_key AS k FROM orders WHERE id = ?', [orderId]))[0]
      ?.k ?? '';
  test('When the gate names another order under a key, then the order is named', async () => {
    const { redis } = shop.gate;
    const { orderId, memberId } = shop.queued;
    const record = (await shop.gate.keys()).record(memberId, await keyOf(orderId));
    const before = (await redis.get(record)) ?? '';
    const other = createId('ord');
    expect(before).toContain(orderId);
    await whilePlanted(
      () => redis.set(record, before.replace(orderId, other)),
      () => redis.set(record, before),
      async () => {
        expect(await found('I10')).toEqual([{ orderId, gateNames: other }]);
      },
    );
  });
  test('When the order is older than what the gate remembers, then it is not judged by the gate', async () => {
    const { redis } = shop.gate;
    const { orderId, memberId } = shop.queued;
    const record = (await shop.gate.keys()).record(memberId, await keyOf(orderId));
    const before = (await redis.get(record)) ?? '';
    const other = createId('ord');
    const born = async (hours: number) =>
      shop.gate.sql.change('UPDATE orders SET created_at = UTC_TIMESTAMP(3) - INTERVAL ? HOUR WHERE id = ?', [
        hours,
        orderId,
      ]);
    await whilePlanted(
      () => redis.set(record, before.replace(orderId, other)),
      async () => {
        await born(0);
        await redis.set(record, before);
      },
      async () => {
        await born(24);
        expect(await found('I10')).toEqual([{ orderId, gateNames: other }]);
        await born(26);
        expect(await found('I10')).toEqual([]);
      },
    );
  });
  test('When a buyer was told another order or amount, then the key is named', async () => {
    const { orderId, memberId } = shop.queued;
    const key = await keyOf(orderId);
    const other = createId('ord');
    const observations = [
      { memberId, key, status: 202, orderId, amount: PRICE },
      { memberId, key, status: 202, orderId: other },
      { memberId, key, status: 202, orderId, amount: PRICE + 1 },
    ];
    expect(await found('I10', { observations })).toEqual([
      { key, told: other, is: orderId },
      { key, told: orderId, is: orderId, toldAmount: PRICE + 1, isAmount: PRICE },
    ]);
  });
});

describe('I11', () => {
  test('When a buyer was told of an order that is not there, then it is named', async () => {
    const orderId = createId('ord');
    const observations = [{ memberId: createId('mem'), key: 'k', status: 202, orderId }];
    expect(await found('I11', { observations })).toEqual([{ orderId, what: 'accepted, and gone' }]);
  });
  test('When money was captured for an order that is not there, then it is named', async () => {
    const orderId = createId('ord');
    const captures = async () => [
      ...(await shop.deps.captures()),
      { orderId, paymentKey: 'k', amount: 1, refunded: 1 },
    ];
    expect(await found('I11', { captures })).toEqual([{ orderId, what: 'captured for an order that is not there' }]);
  });
});

describe('I12', () => {
  test('When an ended order’s hold is still in the gate, then it is named', async () => {
    const { redis } = shop.gate;
    const { holds } = await shop.gate.keys();
    const { orderId, memberId } = shop.cancelled;
    const lines = [{ productId: shop.productId, quantity: 1 }];
    await whilePlanted(
      () => redis.hset(holds, orderId, formatHold({ memberId, idempotencyKey: 'k', lines })),
      () => redis.hdel(holds, orderId),
      async () => {
        expect(await found('I12')).toEqual([{ orderId, status: 'CANCELLED', what: 'its hold is still in the gate' }]);
      },
    );
  });
  test('When somebody was told "finally sold out" while units stayed unsold, then the product is named', async () => {
    const productId = await shop.gate.product(5);
    await shop.gate.rebuild();
    const observations = [{ memberId: createId('mem'), key: 'k', status: 409, productId, final: true }];
    expect(await found('I12', { observations })).toEqual([{ productId, unsold: 5, what: 'told: final' }]);
  });
});

test('I13: When an earlier number was given by a later gate, then the orders after it are named', () =>
  whilePlanted(
    sql('UPDATE orders SET generation = generation + 9 WHERE id = ?', shop.cancelled.orderId),
    sql('UPDATE orders SET generation = generation - 9 WHERE id = ?', shop.cancelled.orderId),
    async () => {
      expect(await found('I13')).toEqual([
        expect.objectContaining({ orderId: shop.confirmed.orderId, what: 'number of a later gate' }),
      ]);
    },
  ));

test('I13: When a buyer was told another number than the order has, then the order is named', async () => {
  const { orderId, memberId } = shop.confirmed;
  const [row] = await shop.gate.sql.rows<{ n: number }>('SELECT sequence AS n FROM orders WHERE id = ?', [orderId]);
  const sequence = Number(row?.n);
  const told = (number: number) => ({ memberId, key: 'k', status: 202, orderId, sequence: number });
  expect(await found('I13', { observations: [told(sequence), told(sequence + 1)] })).toEqual([
    { orderId, sequence, told: sequence + 1, what: 'told another number' },
  ]);
});

test('When a store does not answer, then the checks that need it are not ok, and say why', async () => {
  const captures = () => Promise.reject(new Error('no answer'));
  const { ok, checks } = await runAudit({ ...shop.deps, captures }, CHECKS);
  expect(ok).toBe(false);
  expect(checks.filter(({ error }) => error === 'no answer').map(({ name }) => name.split(' ')[0])).toEqual([
    'I3',
    'I4',
    'I5',
    'I11',
  ]);
});

test('When events that were taken are trimmed after their time, then the report is still held against the orders', async () => {
  await shop.gate.sql.change('UPDATE outbox SET published_at = UTC_TIMESTAMP(3) - INTERVAL 8 DAY');
  expect(await createOutboxRepository(shop.gate.source).trim({ keepDays: 7, limit: 1_000 })).toBeGreaterThan(0);
  expect(await violations()).toEqual([]);
  await whilePlanted(
    sql('UPDATE sales_minutes SET units = units + 1 WHERE product_id = ? LIMIT 1', shop.productId),
    sql('UPDATE sales_minutes SET units = units - 1 WHERE product_id = ? LIMIT 1', shop.productId),
    async () => {
      expect(await found('I9')).toEqual([{ consumer: 'sales', productId: shop.productId, says: 2, expected: 1 }]);
    },
  );
});
