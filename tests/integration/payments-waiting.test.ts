/** Confirming before the saga knows, or is there at all: queued orders, late answers, owners that are gone. */
import { randomUUID } from 'node:crypto';
import { Problem } from '../../domain/errors';
import { until } from '../support/until';
import { APPROVED_AT, ATTEMPTS, type ConfirmFixture, createConfirmFixture } from './support/confirming';
import { PRICE } from './support/ledger';

let shop: ConfirmFixture;
beforeAll(async () => {
  shop = await createConfirmFixture();
});
beforeEach(() => shop.reset());
afterAll(() => shop.destroy());

const refusal = (answer: Promise<unknown>) => expect(answer).rejects;

test('When the saga does not know in time, then 202 names the payment; the key stays with this body and later tells the end', async () => {
  const order = await shop.opened();
  const begun = await shop.ledger.beginPayment({
    ...order,
    paymentKey: 'slow',
    amount: PRICE,
    attemptsMax: ATTEMPTS,
  });
  const paymentId = begun.kind === 'begun' ? begun.paymentId : '';
  let asked = 0;
  shop.owner = () => {
    asked += 1;
    return Promise.resolve({ kind: 'pending', paymentId });
  };
  const key = randomUUID();
  expect(await shop.pay(order, 'slow', key)).toMatchObject({
    status: 202,
    body: { paymentId, status: 'CONFIRMING', orderStatus: 'PENDING_PAYMENT', amount: PRICE, approvedAt: null },
  });
  await refusal(shop.pay(order, 'other', key)).toMatchObject({ code: 'idempotency_key_reused' });
  await shop.ledger.recordCapture({
    ...order,
    paymentId,
    approvedAt: APPROVED_AT,
    amount: PRICE,
    method: null,
  });
  expect(await shop.pay(order, 'slow', key)).toMatchObject({ status: 200, body: { paymentId, status: 'DONE' } });
  // Asked again, the owner could only repeat "pending": MariaDB told the end.
  expect(asked).toBe(1);
});

test('When the saga answers after the caller was told 202, then the answer is kept under the key', async () => {
  const order = await shop.opened();
  let answer = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    answer = resolve;
  });
  shop.owner = async () => {
    await late;
    return shop.sagaPays(order, 'later');
  };
  const key = randomUUID();
  expect(await shop.pay(order, 'later', key)).toMatchObject({ status: 202, body: { orderStatus: 'PENDING_PAYMENT' } });
  answer();
  const kept = () =>
    shop.sql.rows<{ status: number }>('SELECT status FROM idempotency_keys WHERE idempotency_key = ?', [key]);
  await until(async () => (await kept())[0]?.status === 200, { within: 5_000, what: 'the kept answer' });
});

test('When the order is still queued, then it moves to the head of the line, and is paid as soon as a saga has it', async () => {
  const order = await shop.accepted(shop.productId);
  const asked: string[] = [];
  const answer = shop.pay(order, 'early');
  await until(
    async () => {
      const [row] = await shop.sql.rows<{ paying: number }>('SELECT paying FROM orders WHERE id = ?', [order.orderId]);
      return row?.paying === 1;
    },
    { within: 2_000, what: 'paying' },
  );
  const claim = await shop.ledger.claimOrders({ groupMax: 1, inFlightMax: 10_000, nameOwner: () => 'wf-early' });
  expect(claim?.orders.map((each) => each.orderId)).toEqual([order.orderId]);
  shop.owner = async (workflowId) => {
    asked.push(workflowId);
    const owned = { orderId: order.orderId, owner: workflowId };
    await shop.ledger.openOrder({ ...owned, holdMs: 60_000 });
    return shop.sagaPays({ ...order, ...owned }, 'early');
  };
  // The workflow is not there until the dispatcher has started it: whoever looks now finds the claim, and asks nobody.
  const before = shop.looks;
  shop.watch.wake(order.orderId);
  await until(() => shop.looks > before, { within: 2_000, what: 'a look at the claim' });
  await shop.ledger.markDispatched('wf-early');
  expect(await answer).toMatchObject({ status: 200, body: { orderStatus: 'CONFIRMED' } });
  expect(asked).toEqual(['wf-early']);
  expect(shop.nudges).toBe(0);
});

test('When nobody takes the queued order in time, then 202, and the payment is made when somebody does', async () => {
  const order = await shop.accepted(shop.productId);
  const before = shop.looks;
  expect(await shop.pay(order, 'patient')).toMatchObject({
    status: 202,
    body: { status: 'READY', orderStatus: 'QUEUED' },
  });
  // Looked at more than once, and moved once: a thousand who wait in line must not cost a thousand writes a second.
  expect(shop.looks).toBeGreaterThan(before + 1);
  expect(shop.moves.filter((orderId) => orderId === order.orderId)).toHaveLength(1);
  const workflowId = `checkout-${order.orderId}`;
  shop.owner = async () => {
    await shop.ledger.openOrder({ orderId: order.orderId, owner: workflowId, holdMs: 60_000 });
    return shop.sagaPays({ ...order, owner: workflowId }, 'patient');
  };
  await shop.sql.change('UPDATE orders SET owner = ?, dispatched_at = UTC_TIMESTAMP(3) WHERE id = ?', [
    workflowId,
    order.orderId,
  ]);
  const status = async () =>
    (await shop.sql.rows<{ status: string }>('SELECT status FROM orders WHERE id = ?', [order.orderId]))[0]?.status;
  await until(async () => (await status()) === 'CONFIRMED', { within: 5_000, what: 'CONFIRMED' });
});

test('When the owner is gone, then the sweeper is told, and the next owner is asked', async () => {
  const order = await shop.opened();
  const next = `checkout-${order.orderId}-r1`;
  shop.owner = async (workflowId) => {
    if (workflowId === next) return shop.sagaPays({ ...order, owner: next }, 'key-5');
    await shop.ledger.takeOver({ orderId: order.orderId, expectedOwner: order.owner, newOwner: next, epoch: 1 });
    return { kind: 'gone' };
  };
  expect(await shop.pay(order, 'key-5')).toMatchObject({ status: 200 });
  expect(shop.nudges).toBe(1);
});

test('When the engine is away, then 503 and nothing is written, not even the key', async () => {
  const order = await shop.opened();
  shop.owner = () => Promise.reject(new Problem('unavailable', { retryAfterS: 1 }));
  const key = randomUUID();
  await refusal(shop.pay(order, 'key-6', key)).toMatchObject({ code: 'unavailable' });
  expect(await shop.sql.rows('SELECT 1 FROM idempotency_keys WHERE idempotency_key = ?', [key])).toEqual([]);
  expect(
    await shop.sql.rows("SELECT 1 FROM payments WHERE order_id = ? AND status <> 'READY'", [order.orderId]),
  ).toEqual([]);
});

test('When the card before was declined and its saga does not know yet, then the next card is not refused', async () => {
  const order = await shop.opened();
  await shop.sagaDeclines(order, 'bad-3');
  let asked = 0;
  shop.owner = async () => {
    asked += 1;
    if (asked < 3) return { kind: 'refused', code: 'payment_in_progress', status: 'CONFIRMING' };
    return shop.sagaPays(order, 'good-3');
  };
  expect(await shop.pay(order, 'good-3')).toMatchObject({ status: 200 });
  expect(asked).toBe(3);
});
