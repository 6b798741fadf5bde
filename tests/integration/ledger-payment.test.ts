/** The saga's steps around the provider's call: each once, twice, by a stranger, and in states it does not expect. */
import {
  createLedgerFixture,
  eventsOf,
  expectUnitsAddUp,
  historyOf,
  type LedgerFixture,
  orderOf,
  stockOf,
} from './support/ledger';
import { ledgerSteps, STRANGER } from './support/ledger-steps';

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

const { begin, opened, begun, capture, decline, end, limitOf } = ledgerSteps(
  () => fixture,
  () => productId,
);
const paymentOf = async (paymentId: string) =>
  (
    await fixture.sql.rows<{ status: string; failureCode: string | null; captured: number | null }>(
      'SELECT status, failure_code AS failureCode, captured_amount AS captured FROM payments WHERE id = ?',
      [paymentId],
    )
  )[0];
const paymentHistory = async (paymentId: string) =>
  (
    await fixture.sql.rows<{ status: string }>('SELECT status FROM payment_history WHERE payment_id = ? ORDER BY id', [
      paymentId,
    ])
  ).map((row) => row.status);

describe('beginPayment', () => {
  test('When a key begins, then CONFIRMING and the lock are committed, and a repeat is the same payment', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    expect(await begin(order)).toEqual({ kind: 'begun', paymentId });
    expect(await paymentOf(paymentId)).toMatchObject({ status: 'CONFIRMING' });
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ activePayment: paymentId });
    expect(await paymentHistory(paymentId)).toEqual(['READY', 'CONFIRMING']);
  });
  test('When another key comes meanwhile, then it is busy', async () => {
    const order = await opened();
    await begun(order);
    expect(await begin(order, 'key-2')).toEqual({ kind: 'busy' });
  });
  test('When many keys come at once, then one begins', async () => {
    const order = await opened();
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((key) => begin(order, key)));
    expect(outcomes.filter((each) => each.kind === 'begun')).toHaveLength(1);
    expect(outcomes.filter((each) => each.kind === 'busy')).toHaveLength(3);
  });
  test('When the key was declined, then its answer stands, and another key gets a payment of its own', async () => {
    const order = await opened();
    const first = await begun(order);
    await decline(order, first);
    expect(await begin(order)).toEqual({
      kind: 'answered',
      paymentId: first,
      status: 'FAILED',
      failureCode: 'REJECT_CARD_PAYMENT',
    });
    expect(await begun(order, 'key-2')).not.toBe(first);
  });
  test('When the answer is UNKNOWN, then the same key may be asked again', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    await fixture.ledger.markUnknown({ ...order, paymentId, why: 'timeout' });
    await fixture.ledger.markUnknown({ ...order, paymentId, why: 'timeout' });
    expect(await begin(order)).toEqual({ kind: 'begun', paymentId });
    expect(await paymentHistory(paymentId)).toEqual(['READY', 'CONFIRMING', 'UNKNOWN']);
  });
  test('When the amount differs, the order is not open, or a stranger asks, then nothing begins', async () => {
    const order = await opened();
    expect(await begin({ ...order, amount: 1 })).toEqual({ kind: 'elsewhere', status: 'PENDING_PAYMENT' });
    expect(await begin({ ...order, owner: STRANGER })).toEqual({ kind: 'disowned' });
    await end(order);
    expect(await begin(order)).toEqual({ kind: 'elsewhere', status: 'CANCELLED' });
    const queued = await fixture.claimed(productId);
    expect(await begin(queued)).toEqual({ kind: 'elsewhere', status: 'QUEUED' });
  });
  test('When all attempts are used, then no further key begins', async () => {
    const order = await opened();
    const left: number[] = [];
    for (const key of ['a', 'b', 'c']) {
      const outcome = await decline(order, await begun(order, key));
      left.push(outcome.kind === 'declined' ? outcome.attemptsLeft : -1);
    }
    expect(left).toEqual([2, 1, 0]);
    expect(await begin(order, 'd')).toEqual({ kind: 'elsewhere', status: 'PENDING_PAYMENT' });
  });
});

describe('recordCapture', () => {
  test('When the money is ours, then the order is CONFIRMED and the units sold, once', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    const confirmed = { kind: 'confirmed', approvedAt: '2026-11-25T01:02:03.000Z' };
    expect(await capture(order, paymentId)).toEqual(confirmed);
    expect(await capture(order, paymentId, { approvedAt: '2026-11-25T09:09:09.000Z' })).toEqual(confirmed);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 1 });
    expect(await limitOf(order)).toBe(1);
    expect(await historyOf(fixture.sql, order.orderId)).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
    expect(await eventsOf(fixture.sql, order.orderId)).toEqual([
      'order.created',
      'payment.approved',
      'order.confirmed',
    ]);
    expect(await begin(order)).toMatchObject({ kind: 'answered', status: 'DONE' });
    expect(await decline(order, paymentId)).toEqual({ kind: 'elsewhere', status: 'CONFIRMED' });
    expect(await end(order)).toEqual({ kind: 'elsewhere', status: 'CONFIRMED' });
  });
  test('When it was UNKNOWN before, then it is confirmed too', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    await fixture.ledger.markUnknown({ ...order, paymentId, why: 'http 500' });
    expect((await capture(order, paymentId)).kind).toBe('confirmed');
  });
  test('When the amount differs, then the money is to be refunded, the order fails and the units are free, once', async () => {
    const given = { amount: 999 };
    const order = await opened();
    const paymentId = await begun(order);
    expect(await capture(order, paymentId, given)).toEqual({ kind: 'mismatch' });
    expect(await capture(order, paymentId, given)).toEqual({ kind: 'mismatch' });
    expect(await paymentOf(paymentId)).toEqual({
      status: 'REFUNDING',
      failureCode: 'payment_mismatch',
      captured: given.amount,
    });
    expect(await paymentHistory(paymentId)).toEqual(['READY', 'CONFIRMING', 'FAILED', 'REFUNDING']);
    expect(await fixture.ledger.readRefund(paymentId)).toMatchObject({
      kind: 'LATE_MONEY',
      status: 'REFUNDING',
      amount: given.amount,
    });
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'PAYMENT_FAILED', activePayment: null });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 0 });
    expect(await limitOf(order)).toBe(0);
  });
  test('When a stranger records it, or the payment had failed, then nothing is sold', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    expect(await capture({ ...order, owner: STRANGER }, paymentId)).toEqual({ kind: 'disowned' });
    await decline(order, paymentId);
    expect(await capture(order, paymentId)).toEqual({ kind: 'elsewhere', status: 'PENDING_PAYMENT' });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 1, sold: 0 });
  });
});

describe('recordDecline', () => {
  test('When it is declined, then the hold stays, the lock opens, and a repeat counts once', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    expect(await decline(order, paymentId)).toEqual({ kind: 'declined', attemptsLeft: 2 });
    expect(await decline(order, paymentId)).toEqual({ kind: 'declined', attemptsLeft: 2 });
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'PENDING_PAYMENT', activePayment: null });
    expect(await eventsOf(fixture.sql, order.orderId)).toEqual(['order.created', 'payment.declined']);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 1 });
  });
  test('When a stranger declines, then nothing changes', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    expect(await decline({ ...order, owner: STRANGER }, paymentId)).toEqual({ kind: 'disowned' });
    await fixture.ledger.markUnknown({ ...order, owner: STRANGER, paymentId, why: 'x' });
    expect(await paymentOf(paymentId)).toMatchObject({ status: 'CONFIRMING' });
  });
});
