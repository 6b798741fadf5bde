/** Random steps on random orders, many at once: whatever the order of things, units, limits and money add up. */
import fc from 'fast-check';
import type { Ledger, Reservation } from '../../infra/mysql/ledger';
import { createLedgerFixture, expectUnitsAddUp, type LedgerFixture } from './support/ledger';

let fixture: LedgerFixture;
beforeAll(async () => {
  fixture = await createLedgerFixture();
});
afterAll(() => fixture.destroy());

type Order = Reservation & { readonly owner: string };
const ORDERS = 8;
const UNITS = 6;
const KEYS = ['k1', 'k2'];
const APPROVED_AT = '2026-11-25T01:02:03.000Z';

async function paymentIds(orderId: string): Promise<readonly string[]> {
  const rows = await fixture.sql.rows<{ id: string }>('SELECT id FROM payments WHERE order_id = ? ORDER BY id', [
    orderId,
  ]);
  return rows.map((row) => row.id);
}

/** Every move a saga, a buyer, a webhook or a sweeper may make, in or out of turn. */
const STEPS: Readonly<Record<string, (ledger: Ledger, order: Order, key: string) => Promise<unknown>>> = {
  accept: (ledger, order) => ledger.acceptOrders([order]),
  claim: (_, order) =>
    fixture.sql.change("UPDATE orders SET owner = ? WHERE id = ? AND status = 'QUEUED' AND owner IS NULL", [
      order.owner,
      order.orderId,
    ]),
  cancelQueued: (ledger, order) => ledger.cancelQueued(order),
  open: (ledger, order) => ledger.openOrder({ ...order, holdMs: 60_000 }),
  begin: (ledger, order, paymentKey) => ledger.beginPayment({ ...order, paymentKey, attemptsMax: 2 }),
  unknown: async (ledger, order) => {
    for (const paymentId of await paymentIds(order.orderId)) {
      await ledger.markUnknown({ ...order, paymentId, why: 'timeout' });
    }
  },
  capture: async (ledger, order) => {
    for (const paymentId of await paymentIds(order.orderId)) {
      await ledger.recordCapture({ ...order, paymentId, approvedAt: APPROVED_AT, method: null });
    }
  },
  mismatch: async (ledger, order) => {
    for (const paymentId of await paymentIds(order.orderId)) {
      const amount = order.amount + 1;
      await ledger.recordCapture({ ...order, paymentId, approvedAt: APPROVED_AT, amount, method: null });
    }
  },
  decline: async (ledger, order) => {
    for (const paymentId of await paymentIds(order.orderId)) {
      await ledger.recordDecline({ ...order, paymentId, code: 'NO', message: 'no', attemptsMax: 2 });
    }
  },
  cancel: (ledger, order) => ledger.endOrder({ ...order, status: 'CANCELLED', reason: 'cancelled_by_buyer' }),
  expire: (ledger, order) => ledger.endOrder({ ...order, status: 'EXPIRED', reason: 'deadline_passed' }),
  refund: (ledger, order) => ledger.claimBuyerRefund({ ...order, requestedBy: order.memberId, reason: 'r' }),
  lateMoney: (ledger, order, paymentKey) =>
    ledger.claimLateMoney({
      orderId: order.orderId,
      paymentKey,
      capture: { amount: order.amount, approvedAt: APPROVED_AT, method: null },
    }),
  refunded: async (ledger, order) => {
    for (const paymentId of await paymentIds(order.orderId)) {
      if (await ledger.readRefund(paymentId)) await ledger.recordRefund({ paymentId });
    }
  },
};

/** Rows of the named query are offences: what must never be. */
async function expectNone(query: string): Promise<void> {
  expect(await fixture.sql.rows(query)).toEqual([]);
}

async function expectAllAddsUp(): Promise<void> {
  await expectUnitsAddUp(fixture.sql);
  // a limit counts what its member's open and kept orders carry
  await expectNone(`SELECT l.member_id, l.units, SUM(o.id IS NOT NULL) AS counted FROM member_limits l
    LEFT JOIN orders o ON o.member_id = l.member_id
      AND o.status IN ('QUEUED', 'PENDING_PAYMENT', 'CONFIRMED', 'REFUNDING')
      AND JSON_CONTAINS(o.limited_products, JSON_QUOTE(l.product_id))
    GROUP BY l.product_id, l.member_id, l.units HAVING l.units <> counted`);
  // each kept order has exactly one DONE payment, nobody else has one
  await expectNone(`SELECT o.id, o.status, SUM(p.status = 'DONE') AS done FROM orders o
    LEFT JOIN payments p ON p.order_id = o.id GROUP BY o.id, o.status
    HAVING COALESCE(done, 0) <> (o.status = 'CONFIRMED')`);
  // the lock names a payment that is out, or the one that paid
  await expectNone(`SELECT o.id, p.status FROM orders o JOIN payments p ON p.id = o.active_payment
    WHERE p.status IN ('READY', 'FAILED', 'EXPIRED')`);
  await expectNone(`SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id
    WHERE p.status IN ('CONFIRMING', 'UNKNOWN') AND (o.active_payment <> p.id OR o.status <> 'PENDING_PAYMENT')`);
  // every state is the last line of its history
  await expectNone(`SELECT o.id, o.status FROM orders o WHERE o.status <> (
    SELECT h.status FROM order_history h WHERE h.order_id = o.id ORDER BY h.id DESC LIMIT 1)`);
}

const step = fc.record({
  name: fc.constantFrom(...Object.keys(STEPS)),
  order: fc.nat({ max: ORDERS - 1 }),
  key: fc.constantFrom(...KEYS),
});

test('When random steps run side by side in any order, then nothing leaks, doubles or moves out of a final state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 15 }), async (rounds) => {
      const productId = await fixture.product(UNITS, { limit: 2 });
      const members = [fixture.reservation(productId), fixture.reservation(productId), fixture.reservation(productId)];
      const orders = Array.from({ length: ORDERS }, (_, n): Order => {
        const made = fixture.reservation(productId, { memberId: members[n % members.length]?.memberId ?? '' });
        return { ...made, owner: `checkout-${made.orderId}` };
      });
      for (const order of orders) {
        await fixture.ledger.acceptOrders([order]);
        await STEPS.claim?.(fixture.ledger, order, '');
        await STEPS.open?.(fixture.ledger, order, '');
      }
      for (const round of rounds) {
        await Promise.all(
          round.map(async ({ name, order, key }) => {
            const target = orders[order];
            return target ? STEPS[name]?.(fixture.ledger, target, key) : undefined;
          }),
        );
      }
      await expectAllAddsUp();
    }),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
