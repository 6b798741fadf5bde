/** The saga's steps: each once, twice, by a stranger, and in every state it does not expect. */
import { parseJson } from '../../infra/mysql/transaction';
import {
  createLedgerFixture,
  eventsOf,
  expectUnitsAddUp,
  historyOf,
  type LedgerFixture,
  stockOf,
} from './support/ledger';
import { HOLD_MS, ledgerSteps, STRANGER } from './support/ledger-steps';

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

describe('openOrder', () => {
  test('When the owner opens it, then lines, payment, deadline and event are there, once', async () => {
    const order = await fixture.claimed(productId);
    const before = Date.now();
    const first = await fixture.ledger.openOrder({ ...order, holdMs: HOLD_MS });
    expect(first.kind).toBe('opened');
    if (first.kind !== 'opened') return;
    expect(first.payBy).toBeGreaterThanOrEqual(before + HOLD_MS - 1_000);
    expect(first.payBy).toBeLessThanOrEqual(Date.now() + HOLD_MS + 1_000);
    expect(await fixture.ledger.openOrder({ ...order, holdMs: 2 * HOLD_MS })).toEqual(first);
    expect(await historyOf(fixture.sql, order.orderId)).toEqual(['QUEUED', 'PENDING_PAYMENT']);
    expect(await eventsOf(fixture.sql, order.orderId)).toEqual(['order.created']);
    const lines = await fixture.sql.rows(
      'SELECT product_id AS productId, name, quantity, unit_price AS unitPrice FROM order_lines WHERE order_id = ?',
      [order.orderId],
    );
    expect(lines).toEqual(order.lines);
    const payments = await fixture.sql.rows('SELECT status, payment_key, amount FROM payments WHERE order_id = ?', [
      order.orderId,
    ]);
    expect(payments).toEqual([{ status: 'READY', payment_key: null, amount: order.amount }]);
  });

  test('When it came from a cart, then its lines leave the cart, and what was added later stays', async () => {
    const later = await fixture.product(5);
    const order = await fixture.accepted(productId, { fromCart: true });
    const put = (id: string, at: string) =>
      fixture.sql.change(
        `INSERT INTO cart_items (member_id, product_id, quantity, created_at, updated_at)
         VALUES (?, ?, 1, ${at}, ${at})`,
        [order.memberId, id],
      );
    await put(productId, 'UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE');
    await put(later, 'UTC_TIMESTAMP(3)');
    const claim = await fixture.ledger.claimOrders({
      groupMax: 50,
      inFlightMax: 1_000,
      nameOwner: () => `checkout-${order.orderId}`,
    });
    expect(claim?.orders.map((each) => each.orderId)).toContain(order.orderId);
    await fixture.ledger.openOrder({ orderId: order.orderId, owner: `checkout-${order.orderId}`, holdMs: HOLD_MS });
    const left = await fixture.sql.rows('SELECT product_id FROM cart_items WHERE member_id = ?', [order.memberId]);
    expect(left).toEqual([{ product_id: later }]);
  });

  test('When a stranger opens it, or it has ended, then nothing changes', async () => {
    const order = await fixture.claimed(productId);
    expect(await fixture.ledger.openOrder({ ...order, owner: STRANGER, holdMs: 1 })).toEqual({ kind: 'disowned' });
    await end(order);
    expect(await fixture.ledger.openOrder({ ...order, holdMs: 1 })).toEqual({ kind: 'elsewhere', status: 'CANCELLED' });
    expect(await eventsOf(fixture.sql, order.orderId)).toEqual(['order.cancelled']);
  });
});

describe('endOrder', () => {
  test.each([
    ['CANCELLED', 'order.cancelled'],
    ['EXPIRED', 'order.expired'],
    ['PAYMENT_FAILED', 'order.cancelled'],
  ] as const)(
    'When it ends %s, then units and limits are free and the payment expired, once',
    async (status, event) => {
      const order = await opened();
      expect(await end(order, status)).toEqual({ kind: 'ended', status });
      expect(await end(order, status)).toEqual({ kind: 'ended', status });
      expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 0 });
      expect(await limitOf(order)).toBe(0);
      expect(await historyOf(fixture.sql, order.orderId)).toEqual(['QUEUED', 'PENDING_PAYMENT', status]);
      expect(await eventsOf(fixture.sql, order.orderId)).toEqual(['order.created', 'payment.expired', event]);
    },
  );
  test('When it is still QUEUED, then it may be cancelled but not expire', async () => {
    const order = await fixture.claimed(productId);
    expect(await end(order, 'EXPIRED')).toEqual({ kind: 'elsewhere', status: 'QUEUED' });
    expect(await end(order)).toEqual({ kind: 'ended', status: 'CANCELLED' });
  });
  test('When a payment is out, then it is busy until the answer is known', async () => {
    const order = await opened();
    const paymentId = await begun(order);
    expect(await end(order)).toEqual({ kind: 'busy' });
    await fixture.ledger.markUnknown({ ...order, paymentId, why: 'timeout' });
    expect(await end(order, 'EXPIRED')).toEqual({ kind: 'busy' });
    await decline(order, paymentId);
    expect(await end(order, 'EXPIRED')).toEqual({ kind: 'ended', status: 'EXPIRED' });
  });
  test('When it ended another way, or a stranger ends it, then it stays', async () => {
    const order = await opened();
    expect(await end({ ...order, owner: STRANGER })).toEqual({ kind: 'disowned' });
    await end(order, 'EXPIRED');
    expect(await end(order, 'CANCELLED')).toEqual({ kind: 'elsewhere', status: 'EXPIRED' });
  });
  test('When a payment and the end race, then one of them wins', async () => {
    const order = await opened();
    const [payment, ending] = await Promise.all([begin(order), end(order)]);
    expect([payment.kind, ending.kind]).toEqual(payment.kind === 'begun' ? ['begun', 'busy'] : ['elsewhere', 'ended']);
  });
});

describe('reading', () => {
  test('When a saga resumes, then it finds all it needs in the rows', async () => {
    const order = await opened();
    await decline(order, await begun(order, 'key-1'));
    const paymentId = await begun(order, 'key-2');
    expect(await fixture.ledger.readSaga(order.orderId)).toMatchObject({
      orderId: order.orderId,
      memberId: order.memberId,
      sequence: order.sequence,
      status: 'PENDING_PAYMENT',
      owner: order.owner,
      amount: order.amount,
      lines: order.lines,
      payBy: expect.any(Number),
      declines: 1,
      activePayment: { paymentId, paymentKey: 'key-2', amount: order.amount, status: 'CONFIRMING' },
    });
    await capture(order, paymentId);
    expect(await fixture.ledger.readSaga(order.orderId)).toMatchObject({ status: 'CONFIRMED', activePayment: null });
    expect(await fixture.ledger.readSaga(fixture.reservation(productId).orderId)).toBeNull();
  });
  test('When the gate asks, then the verdict follows the state', async () => {
    const verdict = async (orderId: string) => (await fixture.ledger.holdVerdict(orderId)).kind;
    const order = await fixture.claimed(productId);
    expect(await verdict(order.orderId)).toBe('keep');
    await fixture.ledger.openOrder({ ...order, holdMs: HOLD_MS });
    expect(await verdict(order.orderId)).toBe('keep');
    const sold = await opened();
    await capture(sold, await begun(sold));
    expect(await verdict(sold.orderId)).toBe('sold');
    await end(order);
    expect(await verdict(order.orderId)).toBe('free');
    expect(await verdict(fixture.reservation(productId).orderId)).toBe('unknown');
  });
});

describe('events', () => {
  test('When a payload is written, then it is the event with ids, amount and the order’s version', async () => {
    const order = await opened();
    await capture(order, await begun(order));
    const rows = await fixture.sql.rows<{ topic: string; eventId: string; payload: unknown }>(
      'SELECT topic, event_id AS eventId, payload FROM outbox WHERE order_id = ? ORDER BY id',
      [order.orderId],
    );
    expect(rows.map((row) => row.topic)).toEqual(['orders', 'payments', 'orders']);
    const [created, approved, confirmed] = rows.map((row) => parseJson<Record<string, unknown>>(row.payload));
    expect(created).toEqual({
      eventId: rows[0]?.eventId,
      type: 'order.created',
      version: 1,
      occurredAt: expect.stringMatching(/^\d{4}-.*Z$/),
      orderId: order.orderId,
      memberId: order.memberId,
      orderVersion: 2,
      amount: order.amount,
      currency: 'KRW',
      items: order.lines,
    });
    expect(approved).toMatchObject({ paymentId: expect.stringMatching(/^pay_/), orderVersion: 4 });
    expect(approved).not.toHaveProperty('items');
    expect(confirmed).toMatchObject({ orderVersion: 4, items: order.lines });
  });
});
