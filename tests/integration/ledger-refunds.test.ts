/** Refunds: once per payment, in full, units back only when the money is; late money never touches the order. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { createRefundActivities } from '../../activities/refunds';
import { createSweepActivities } from '../../activities/sweep';
import { createId } from '../../domain/ids';
import { addStock, type Reservation } from '../../infra/mysql/ledger';
import type { RefundClaim } from '../../infra/mysql/ledger/types';
import { inTransaction } from '../../infra/mysql/transaction';
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
  productId = await fixture.product(10, { limit: 5 });
});
afterEach(() => expectUnitsAddUp(fixture.sql));
afterAll(() => fixture.destroy());

const APPROVED_AT = '2026-11-25T01:02:03.000Z';

async function opened(): Promise<Owned> {
  const order = await fixture.claimed(productId, { lines: fixture.lines(productId, 2) });
  await fixture.ledger.openOrder({ ...order, holdMs: 60_000 });
  return order;
}
async function begun(order: Owned, paymentKey: string): Promise<string> {
  const outcome = await fixture.ledger.beginPayment({ ...order, paymentKey, attemptsMax: 3 });
  if (outcome.kind !== 'begun') throw new Error(`not begun: ${outcome.kind}`);
  return outcome.paymentId;
}
async function confirmed(): Promise<Owned & { readonly paymentId: string }> {
  const order = await opened();
  const paymentId = await begun(order, 'key-1');
  const capture = { paymentId, approvedAt: APPROVED_AT, amount: order.amount, method: null };
  await fixture.ledger.recordCapture({ ...order, ...capture });
  return { ...order, paymentId };
}
/** An order whose only payment was declined. */
async function declined(): Promise<Owned & { readonly paymentId: string }> {
  const order = await opened();
  const paymentId = await begun(order, 'key-1');
  await fixture.ledger.recordDecline({ ...order, paymentId, code: 'X', message: 'no', attemptsMax: 3 });
  return { ...order, paymentId };
}
const ask = (order: Owned, memberId: string | null = order.memberId) =>
  fixture.ledger.claimBuyerRefund({
    orderId: order.orderId,
    memberId,
    requestedBy: memberId ?? 'admin',
    reason: 'too small',
  });
const found = (order: Owned, paymentKey = 'key-1', amount = order.amount) =>
  fixture.ledger.claimLateMoney({
    orderId: order.orderId,
    paymentKey,
    capture: { amount, approvedAt: APPROVED_AT, method: 'card' },
  });

describe('a buyer’s refund', () => {
  test('When a confirmed order is refunded, then units and limit return after the money, as one adjustment', async () => {
    const order = await confirmed();
    const claim = await ask(order);
    expect(claim).toMatchObject({
      kind: 'claimed',
      refund: { orderId: order.orderId, paymentId: order.paymentId, paymentKey: 'key-1', amount: 2_000, kind: 'BUYER' },
    });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ sold: 2, adjustments: 1 });
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'REFUNDING' });

    // The gate frees the member's limit by the same message.
    const adjustments = [{ productId, n: 2, delta: 2, memberId: order.memberId }];
    expect(await fixture.ledger.recordRefund(order)).toEqual({ adjustments });
    expect(await fixture.ledger.recordRefund(order)).toEqual({ adjustments });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ onHand: 10, held: 0, sold: 0, adjustments: 2 });
    expect(await fixture.ledger.readAdjustments(productId, 1)).toEqual(adjustments);
    expect(await historyOf(fixture.sql, order.orderId)).toEqual([
      'QUEUED',
      'PENDING_PAYMENT',
      'CONFIRMED',
      'REFUNDING',
      'REFUNDED',
    ]);
    expect((await eventsOf(fixture.sql, order.orderId)).slice(-2)).toEqual(['payment.refunded', 'order.refunded']);
    const limits = await fixture.sql.rows('SELECT units FROM member_limits WHERE member_id = ?', [order.memberId]);
    expect(limits).toEqual([{ units: 0 }]);
  });

  test('When it is asked for many times at once, then there is one', async () => {
    const order = await confirmed();
    const outcomes = await Promise.all([ask(order), ask(order), ask(order, null)]);
    expect(outcomes.filter((each) => each.kind === 'claimed')).toHaveLength(1);
    const rest = outcomes.filter((each) => each.kind === 'notRefundable');
    expect(rest).toHaveLength(2);
    expect(rest[0]).toMatchObject({ status: 'REFUNDING', refund: { paymentId: order.paymentId } });
  });

  test('When the row of its answer cannot be written, then nothing is claimed', async () => {
    const order = await confirmed();
    const input = { orderId: order.orderId, memberId: null, requestedBy: 'admin', reason: 'r' };
    const failing = fixture.ledger.claimBuyerRefund(input, async () => {
      throw new Error('key taken');
    });
    await expect(failing).rejects.toThrow('key taken');
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'CONFIRMED' });
    expect(await fixture.ledger.readRefund(order.paymentId)).toBeNull();
  });

  test('When the order is another member’s, unknown or not confirmed, then nothing is claimed', async () => {
    const order = await confirmed();
    expect(await ask(order, createId('mem'))).toEqual({ kind: 'notFound' });
    expect(await ask({ ...order, orderId: createId('ord') })).toEqual({ kind: 'notFound' });
    expect(await ask(await opened())).toEqual({ kind: 'notRefundable', status: 'PENDING_PAYMENT', refund: null });
  });

  test('When the provider refuses for good, then it stays REFUNDING and a person is called, once', async () => {
    const order = await confirmed();
    await ask(order);
    const refusal = { paymentId: order.paymentId, refusals: 0, code: 'NOT_CANCELABLE', message: 'too old' };
    await fixture.ledger.recordRefundRefusal(refusal);
    await fixture.ledger.recordRefundRefusal(refusal);
    const letters = await fixture.sql.rows(
      "SELECT reason FROM dead_letters WHERE source = 'refunds' AND reference = ?",
      [order.paymentId],
    );
    expect(letters).toEqual([{ reason: 'NOT_CANCELABLE: too old' }]);
    expect(await fixture.ledger.readRefund(order.paymentId)).toMatchObject({ status: 'REFUNDING', refusals: 1 });
    const open = await fixture.ledger.readOpenRefunds({ quietForMs: 0, limit: 100 });
    expect(open.map((each) => each.paymentId)).not.toContain(order.paymentId);
    // Nor does a late webhook start it again.
    const { orderId, amount } = order;
    const capture = { amount, approvedAt: '2026-11-25T00:00:00.000Z', method: null };
    const { paymentKey = '' } = (await fixture.ledger.readRefund(order.paymentId)) ?? {};
    expect(await fixture.ledger.claimLateMoney({ orderId, paymentKey, capture })).toEqual({ kind: 'refused' });
    // The next refusal, of a try that a person has started, is told again.
    await fixture.ledger.recordRefundRefusal({ ...refusal, refusals: 1 });
    expect(await fixture.ledger.readRefund(order.paymentId)).toMatchObject({ status: 'REFUNDING', refusals: 2 });
  });

  test('When the saga of a refund began before refusals were counted, then it asks under the first key, and a refusal is recorded', async () => {
    const order = await confirmed();
    await ask(order);
    const { paymentId } = order;
    const keys: string[] = [];
    const unasked = () => Promise.reject(new Error('not asked'));
    const activities = createRefundActivities({
      ledger: fixture.ledger,
      gate: { adopt: unasked, syncHold: unasked, applyAdjustment: unasked },
      engine: { startCheckout: unasked, startRefund: unasked, readLife: unasked },
      provider: {
        confirm: unasked,
        lookUp: unasked,
        lookUpByOrder: unasked,
        refund: async ({ idempotencyKey }) => {
          keys.push(idempotencyKey);
          return { kind: 'refused', code: 'NOT_CANCELABLE', message: 'too old' };
        },
      },
      tellNews: () => undefined,
    });
    // What its history holds, and what an activity that waits since then was asked with.
    const { refusals: _counted, ...recorded } = (await fixture.ledger.readRefund(paymentId)) as RefundClaim;
    await activities.refundWithProvider(recorded);
    expect(keys).toEqual([`refund-${paymentId}`]);
    await activities.recordRefundRefusal({ paymentId, code: 'NOT_CANCELABLE', message: 'too old' });
    expect(await activities.readRefund({ paymentId })).toMatchObject({ status: 'REFUNDING', refusals: 1 });
  });

  test('When a refund is under way, then the sweeper finds it once it is quiet', async () => {
    const order = await confirmed();
    await ask(order);
    const ids = async (quietForMs: number) =>
      (await fixture.ledger.readOpenRefunds({ quietForMs, limit: 100 })).map((each) => each.paymentId);
    expect(await ids(0)).toContain(order.paymentId);
    expect(await ids(60_000)).not.toContain(order.paymentId);
    await fixture.ledger.recordRefund(order);
    expect(await ids(0)).not.toContain(order.paymentId);
  });

  test('When more refunds are open than fit into one page, and one cannot be helped, then the sweeper comes to all of them', async () => {
    const orders = [await confirmed(), await confirmed(), await confirmed()];
    for (const order of orders) await ask(order);
    const started: string[] = [];
    const activities = createSweepActivities({
      ledger: {
        ...fixture.ledger,
        readOpenRefunds: (page) => fixture.ledger.readOpenRefunds({ ...page, quietForMs: 0, limit: 1 }),
      },
      engine: {
        startCheckout: () => Promise.reject(new Error('not asked')),
        readLife: async () => 'missing',
        startRefund: async ({ paymentId }) => {
          if (paymentId === orders[0]?.paymentId) throw new Error('no engine for this one');
          started.push(paymentId);
          return 'started';
        },
      },
      settings: { holdMs: 60_000, attemptsMax: 3, answerMs: 3_000 },
    });
    await expect(new MockActivityEnvironment().run(activities.sweepRefunds)).rejects.toThrow('1 could not be swept');
    expect(started).toEqual(expect.arrayContaining(orders.slice(1).map(({ paymentId }) => paymentId)));
  });
});

describe('late money', () => {
  const end = (order: Owned) => fixture.ledger.endOrder({ ...order, status: 'EXPIRED', reason: 'deadline_passed' });

  test('When money is found for a failed payment of an ended order, then it goes back and no unit moves', async () => {
    const order = await declined();
    await end(order);
    const claim = await found(order);
    expect(claim).toMatchObject({ kind: 'claimed', refund: { kind: 'LATE_MONEY', amount: 2_000 } });
    expect(await found(order)).toEqual(claim);
    expect(await fixture.ledger.recordRefund(order)).toEqual({ adjustments: [] });
    expect(await fixture.ledger.recordRefund(order)).toEqual({ adjustments: [] });
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'EXPIRED' });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 0, adjustments: 1 });
    expect((await eventsOf(fixture.sql, order.orderId)).at(-1)).toBe('payment.refunded');
  });
  test('When the order is open or the payment is being asked about, then its saga decides', async () => {
    const order = await declined();
    expect(await found(order)).toEqual({ kind: 'undecided', status: 'PENDING_PAYMENT' });
    await begun(order, 'key-2');
    expect(await found(order, 'key-2')).toEqual({ kind: 'undecided', status: 'PENDING_PAYMENT' });
  });
  test('When the order is confirmed by this payment, then the money is wanted', async () => {
    expect(await found(await confirmed())).toEqual({ kind: 'wanted' });
  });
  test('When a confirmed order was paid a second time under another key, then that money goes back', async () => {
    const order = await confirmed();
    const claim = await found(order, 'key-never-seen', 1_500);
    expect(claim).toMatchObject({ kind: 'claimed', refund: { paymentKey: 'key-never-seen', amount: 1_500 } });
    expect(await found(order, 'key-never-seen', 1_500)).toEqual(claim);
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'CONFIRMED' });
  });
  test('When the order is unknown, then so is the claim', async () => {
    const order = await opened();
    expect(await found({ ...order, orderId: createId('ord') })).toEqual({ kind: 'notFound' });
  });
});

describe('adjustments', () => {
  test('When restocks run side by side, then each has its own number without a gap', async () => {
    await Promise.all(
      [5, 6, 7, 8].map((quantity) =>
        inTransaction(fixture.source, (tx) =>
          addStock({ productId, quantity, reason: 'restock', reference: `r-${quantity}` }, tx),
        ),
      ),
    );
    const adjustments = await fixture.ledger.readAdjustments(productId, 0);
    expect(adjustments.map((each) => each.n)).toEqual([1, 2, 3, 4, 5]);
    expect(adjustments.reduce((sum, each) => sum + each.delta, 0)).toBe(36);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ onHand: 36, adjustments: 5 });
  });
  test('When the restock rolls back, then its number is free again', async () => {
    const failing = inTransaction(fixture.source, async (tx) => {
      await addStock({ productId, quantity: 5, reason: 'restock', reference: null }, tx);
      throw new Error('answer not stored');
    });
    await expect(failing).rejects.toThrow('answer not stored');
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ onHand: 10, adjustments: 1 });
  });
});

describe('the last guard', () => {
  test.each([
    ['held above on_hand', 'UPDATE stock SET held = on_hand + 1 WHERE product_id = ?'],
    ['a negative hold', 'UPDATE stock SET held = -1 WHERE product_id = ?'],
    ['held and sold above on_hand', 'UPDATE stock SET held = on_hand, sold = 1 WHERE product_id = ?'],
  ])('When a statement forgets its guard (%s), then the CHECK refuses it', async (_, statement) => {
    await expect(fixture.sql.change(statement, [productId])).rejects.toMatchObject({ errno: 4025 });
  });
});
