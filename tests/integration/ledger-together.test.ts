/** Saga steps of many orders at once: they share a commit, and nothing that is wrong with one reaches another. */
import { createLedger, type Reservation } from '../../infra/mysql/ledger';
import { openOrders } from '../../infra/mysql/ledger/opening';
import { beginPayments, recordCaptures } from '../../infra/mysql/ledger/payment';
import { shareCommits } from '../../infra/mysql/ledger/together';
import { inTransaction, type Sql } from '../../infra/mysql/transaction';
import {
  createLedgerFixture,
  eventsOf,
  expectUnitsAddUp,
  historyOf,
  type LedgerFixture,
  orderOf,
  stockOf,
} from './support/ledger';

type Owned = Reservation & { readonly owner: string };

let fixture: LedgerFixture;
let productId: string;
beforeAll(async () => {
  fixture = await createLedgerFixture();
});
beforeEach(async () => {
  productId = await fixture.product(100, { limit: 5 });
});
afterEach(() => expectUnitsAddUp(fixture.sql));
afterAll(() => fixture.destroy());

const HOLD_MS = 60_000;
const ATTEMPTS = 3;

const claimed = (count: number): Promise<Owned[]> =>
  Promise.all(Array.from({ length: count }, () => fixture.claimed(productId)));
const open = (order: Owned) => fixture.ledger.openOrder({ ...order, holdMs: HOLD_MS });
const begin = (order: Owned, paymentKey = `key-${order.orderId}`) =>
  fixture.ledger.beginPayment({ ...order, paymentKey, attemptsMax: ATTEMPTS });
const paymentIdOf = (outcome: Awaited<ReturnType<typeof begin>>): string => {
  if (outcome.kind !== 'begun') throw new Error(`not begun: ${JSON.stringify(outcome)}`);
  return outcome.paymentId;
};
const capture = (order: Owned, paymentId: string, given: { readonly amount?: number; readonly method?: string } = {}) =>
  fixture.ledger.recordCapture({
    ...order,
    paymentId,
    approvedAt: '2026-11-25T01:02:03.004Z',
    amount: given.amount ?? order.amount,
    method: given.method ?? null,
  });
const paymentsOf = (orders: readonly Owned[]) =>
  fixture.sql.rows<{ orderId: string; status: string; paymentKey: string; captured: number; method: string | null }>(
    `SELECT order_id AS orderId, status, payment_key AS paymentKey, captured_amount AS captured, method FROM payments
     WHERE order_id IN (?) ORDER BY order_id`,
    [orders.map(({ orderId }) => orderId)],
  );
const byId = (a: { readonly orderId: string }, b: { readonly orderId: string }): number =>
  a.orderId < b.orderId ? -1 : 1;

test('When thirty sagas go through their steps at once, then each order is as one that went by itself', async () => {
  const orders = (await claimed(30)).sort(byId);
  const opened = await Promise.all(orders.map(open));
  expect(opened.every((outcome) => outcome.kind === 'opened' && outcome.payBy > Date.now())).toBe(true);
  const begun = (await Promise.all(orders.map((order) => begin(order)))).map(paymentIdOf);
  const captured = await Promise.all(
    orders.map((order, index) => capture(order, begun[index] ?? '', { method: `card ${index}` })),
  );
  expect(captured).toEqual(orders.map(() => ({ kind: 'confirmed', approvedAt: '2026-11-25T01:02:03.004Z' })));

  for (const { orderId, owner } of orders) {
    expect(await historyOf(fixture.sql, orderId)).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
    expect(await eventsOf(fixture.sql, orderId)).toEqual(['order.created', 'payment.approved', 'order.confirmed']);
    expect(await orderOf(fixture.sql, orderId)).toMatchObject({ status: 'CONFIRMED', owner, version: 4 });
  }
  expect(await paymentsOf(orders)).toEqual(
    orders.map(({ orderId, amount }, index) => ({
      orderId,
      status: 'DONE',
      paymentKey: `key-${orderId}`,
      captured: amount,
      method: `card ${index}`,
    })),
  );
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 30 });
});

const shared = <I extends Owned, O>(
  step: (tx: Sql, inputs: ReadonlyMap<string, I>) => Promise<ReadonlyMap<string, O>>,
  inputs: readonly I[],
) => inTransaction(fixture.source, (tx) => step(tx, new Map(inputs.map((input) => [input.orderId, input]))));
const idsOf = (orders: readonly Owned[]): string[] => orders.map(({ orderId }) => orderId).sort();

test('When all orders of a batch are as expected, then the shared step answers every one of them', async () => {
  const orders = await claimed(5);
  const inputs = orders.map((order) => ({ ...order, holdMs: HOLD_MS, paymentKey: 'key', attemptsMax: ATTEMPTS }));
  expect([...(await shared(openOrders, inputs)).keys()]).toEqual(idsOf(orders));
  const begun = await shared(beginPayments, inputs);
  expect([...begun.keys()]).toEqual(idsOf(orders));
  const captures = inputs.map((input) => {
    const outcome = begun.get(input.orderId);
    const paymentId = outcome?.kind === 'begun' ? outcome.paymentId : '';
    return { ...input, paymentId, approvedAt: '2026-11-25T01:02:03.004Z', method: null };
  });
  expect([...(await shared(recordCaptures, captures)).keys()]).toEqual(idsOf(orders));
  // Nobody is as expected any more: the shared step leaves them all to go by themselves.
  expect((await shared(recordCaptures, captures)).size).toBe(0);
});

test('When one order of many is held by another transaction, then the shared step leaves it out', async () => {
  const [held, ...others] = (await claimed(10)) as [Owned, ...Owned[]];
  const inputs = [held, ...others].map((order) => ({ ...order, holdMs: HOLD_MS }));
  await inTransaction(fixture.source, async (tx) => {
    await tx.rows('SELECT id FROM orders WHERE id = ? FOR UPDATE', [held.orderId]);
    // Waiting for the row would end in a lock wait time-out: this transaction ends only after that step.
    expect([...(await shared(openOrders, inputs)).keys()]).toEqual(idsOf(others));
  });
  expect(await open(held)).toMatchObject({ kind: 'opened' });
});

test('When orders of a batch are not as a step expects, then each gets its own answer and the others go on', async () => {
  const orders = await claimed(8);
  const [ended, strange, repeated, ...usual] = orders as [Owned, Owned, Owned, ...Owned[]];
  await fixture.ledger.endOrder({ ...ended, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
  const first = await open(repeated);
  const answers = await Promise.all([
    ...usual.map(open),
    open(ended),
    open({ ...strange, owner: 'checkout-somebody-else' }),
    open(repeated),
    open({ ...strange, orderId: 'ord_none' }),
  ]);
  expect(answers.slice(0, usual.length).every(({ kind }) => kind === 'opened')).toBe(true);
  expect(answers.slice(usual.length)).toEqual([
    { kind: 'elsewhere', status: 'CANCELLED' },
    { kind: 'disowned' },
    first,
    { kind: 'disowned' },
  ]);
  expect((await orderOf(fixture.sql, strange.orderId))?.status).toBe('QUEUED');
});

test('When payments begin at once, then a wrong amount, a busy order and a repeated key are told apart', async () => {
  const orders = await claimed(6);
  await Promise.all(orders.map(open));
  const [cheap, busy, repeated, ...usual] = orders as [Owned, Owned, Owned, ...Owned[]];
  await begin(busy, 'key-other');
  const paymentId = paymentIdOf(await begin(repeated));
  const answers = await Promise.all([
    ...usual.map((order) => begin(order)),
    begin({ ...cheap, amount: 1 }),
    begin(busy),
    begin(repeated),
  ]);
  expect(new Set(answers.slice(0, usual.length).map(paymentIdOf)).size).toBe(usual.length);
  expect(answers.slice(usual.length)).toEqual([
    { kind: 'elsewhere', status: 'PENDING_PAYMENT' },
    { kind: 'busy' },
    { kind: 'begun', paymentId },
  ]);
});

test('When one order asks twice at once with two cards, then one payment begins and the other is refused', async () => {
  const orders = await claimed(3);
  await Promise.all(orders.map(open));
  const [one, two, three] = orders as [Owned, Owned, Owned];
  const [, , first, second] = await Promise.all([
    begin(one),
    begin(two),
    begin(three, 'card-1'),
    begin(three, 'card-2'),
  ]);
  expect([first?.kind, second?.kind].sort()).toEqual(['begun', 'busy']);
});

test('When a captured amount of a batch is not its order’s, then only that order fails, with its money to be refunded', async () => {
  const orders = await claimed(4);
  await Promise.all(orders.map(open));
  const begun = (await Promise.all(orders.map((order) => begin(order)))).map(paymentIdOf);
  const answers = await Promise.all(
    orders.map((order, index) => capture(order, begun[index] ?? '', index === 2 ? { amount: order.amount + 1 } : {})),
  );
  expect(answers.map(({ kind }) => kind)).toEqual(['confirmed', 'confirmed', 'mismatch', 'confirmed']);
  expect((await orderOf(fixture.sql, orders[2]?.orderId ?? ''))?.status).toBe('PAYMENT_FAILED');
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 3 });
});

describe('a shared commit', () => {
  interface Input {
    readonly orderId: string;
    readonly owner: string;
  }
  const inputs = (count: number): Input[] =>
    Array.from({ length: count }, (_, index) => ({ orderId: `ord_${index}`, owner: 'me' }));

  test('When calls come while one is under way, then they go together; a lone call goes by itself', async () => {
    const batches: string[][] = [];
    const step = shareCommits<Input, string>(fixture.source, {
      together: async (_tx, batch) => {
        batches.push([...batch.keys()]);
        return new Map([...batch.keys()].map((orderId) => [orderId, 'together']));
      },
      alone: async () => 'alone',
    });
    expect(await Promise.all(inputs(4).map(step))).toEqual(['alone', 'together', 'together', 'together']);
    expect(batches).toEqual([['ord_1', 'ord_2', 'ord_3']]);
  });

  test('When the shared transaction fails, then what it did is rolled back and each goes by itself', async () => {
    const [order] = await claimed(1);
    const apart: string[] = [];
    const step = shareCommits<Input, string>(fixture.source, {
      onApart: (error, orders) => apart.push(`${orders}: ${String(error)}`),
      together: async (tx) => {
        await tx.change("UPDATE orders SET owner = 'half-way' WHERE id = ?", [order?.orderId ?? '']);
        throw new Error('one of them is odd');
      },
      alone: async (_tx, { orderId }) => {
        if (orderId === 'ord_2') throw new Error('the odd one');
        return orderId;
      },
    });
    const answers = await Promise.allSettled(inputs(4).map(step));
    expect(answers.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason)))).toEqual([
      'ord_0',
      'ord_1',
      'Error: the odd one',
      'ord_3',
    ]);
    expect(apart).toEqual(['3: Error: one of them is odd']);
    expect((await orderOf(fixture.sql, order?.orderId ?? ''))?.owner).toBe(order?.owner);
  });
});

test('When the units of one product are held elsewhere, then captures of another are recorded meanwhile', async () => {
  const other = await fixture.product(10);
  const blocked = await claimed(2);
  const free = await Promise.all(Array.from({ length: 3 }, () => fixture.claimed(other)));
  const orders = [...blocked, ...free];
  await Promise.all(orders.map(open));
  const begun = (await Promise.all(orders.map((order) => begin(order)))).map(paymentIdOf);
  const { settled } = await inTransaction(fixture.source, async (tx) => {
    await tx.rows('SELECT held FROM stock WHERE product_id = ? FOR UPDATE', [productId]);
    const answers = orders.map((order, index) => capture(order, begun[index] ?? ''));
    const all = Promise.allSettled(answers);
    // This transaction ends only after they have: none of them may wait for it.
    const recorded = await Promise.all(answers.slice(blocked.length));
    expect(recorded.map(({ kind }) => kind)).toEqual(['confirmed', 'confirmed', 'confirmed']);
    return { settled: all };
  });
  expect((await settled).every(({ status }) => status === 'fulfilled')).toBe(true);
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 2 });
});

test('When two processes take the same steps of the same orders at once, then each order takes them once', async () => {
  const orders = await claimed(12);
  const second = createLedger(fixture.source);
  const twice = <O>(step: (order: Owned, ledger: typeof second) => Promise<O>) =>
    Promise.all([fixture.ledger, second].flatMap((ledger) => orders.map((order) => step(order, ledger))));
  await twice((order, ledger) => ledger.openOrder({ ...order, holdMs: HOLD_MS }));
  const begun = await twice((order, ledger) =>
    ledger.beginPayment({ ...order, paymentKey: `key-${order.orderId}`, attemptsMax: ATTEMPTS }),
  );
  const ids = begun.map(paymentIdOf);
  expect(ids.slice(orders.length)).toEqual(ids.slice(0, orders.length));
  const captured = await twice((order, ledger) =>
    ledger.recordCapture({
      ...order,
      paymentId: ids[orders.indexOf(order)] ?? '',
      approvedAt: '2026-11-25T01:02:03.004Z',
      method: null,
    }),
  );
  expect(new Set(captured.map(({ kind }) => kind))).toEqual(new Set(['confirmed']));
  for (const { orderId } of orders) {
    expect(await historyOf(fixture.sql, orderId)).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
    expect(await eventsOf(fixture.sql, orderId)).toEqual(['order.created', 'payment.approved', 'order.confirmed']);
  }
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 12 });
});
