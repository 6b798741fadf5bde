/** The sagas on real servers: MariaDB, Temporal and the sandbox; worker and dispatcher as in production. */
import { MockActivityEnvironment } from '@temporalio/testing';
import pino from 'pino';
import { createActivities } from '../../activities';
import { createRefundClaims } from '../../api/orders/refunds';
import type { Reservation } from '../../infra/mysql/ledger';
import { memberIdsKey, orderIdsKey, phaseKey, productIdsKey } from '../../infra/temporal/attributes';
import { createTemporal, sagaUrl } from '../../infra/temporal/client';
import { executeCancel, executeConfirm, readLife, startRefund } from '../../infra/temporal/starts';
import { installRuntime } from '../../workers/checkout/runtime';
import type { Dispatcher } from '../../workers/dispatcher/dispatcher';
import { createRealWorld, type RealWorld } from '../support/sagas/real-world';
import { untilHeard } from '../support/sagas/until-heard';
import { freePort } from '../support/servers';
import { until } from '../support/until';
import { hashOf } from './support/gate';
import { eventsOf, historyOf, orderOf, stockOf } from './support/ledger';

let world: RealWorld;
let worker: { stop(): Promise<void> };
let dispatcher: Dispatcher | undefined;
const UI = { uiUrl: 'http://ui', namespace: 'default' };
/** what the worker's process writes */
const logged: Readonly<Record<string, unknown>>[] = [];
beforeAll(async () => {
  const logger = pino({ level: 'warn' }, { write: (line) => void logged.push(JSON.parse(line)) });
  installRuntime(logger, (workflowId) => sagaUrl(UI, workflowId));
  world = await createRealWorld();
  worker = await world.startWorker();
}, 60_000);
afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = undefined;
});
afterAll(async () => {
  await worker?.stop();
  await world?.stop();
}, 60_000);

const DECLINING = '4000000000000002';
const cancel = async (order: Reservation) => {
  const owner = await world.ownerOf(order);
  return untilHeard(() => executeCancel(world.temporal, { owner, orderId: order.orderId, key: 'k', answerMs: 3_000 }));
};
/** What an operator finds who searches for an order: the refund among it. The search lags a little. */
const refundFoundBy = ({ orderId }: Reservation) =>
  until(
    async () => {
      const query = `OrderIds = "${orderId}" AND WorkflowType = "refund"`;
      for await (const found of world.temporal.client.workflow.list({ query })) return found;
      return null;
    },
    { within: 10_000, what: `the refund of ${orderId} in a search for it` },
  );
test('When a buyer pays, then order, payment, stock, history, outbox and provider agree', async () => {
  const productId = await world.product(10);
  const order = await world.accepted(productId);
  dispatcher = world.startDispatcher();

  expect(await world.pay(order)).toMatchObject({ kind: 'done', amount: order.amount });

  expect(await stockOf(world.sql, productId)).toMatchObject({ held: 0, sold: 1 });
  expect(await historyOf(world.sql, order.orderId)).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
  expect(await eventsOf(world.sql, order.orderId)).toEqual(['order.created', 'payment.approved', 'order.confirmed']);
  const { totals } = await world.sandbox.ledger(order.orderId);
  expect(totals).toMatchObject({ captures: 1, captured: order.amount, refunded: 0 });
  await until(() => world.gateCalls.synced.includes(order.orderId), { within: 10_000, what: 'the gate follows' });
});

test('When three payments are declined, then the order fails and its unit is free', async () => {
  const productId = await world.product(1);
  const order = await world.accepted(productId);
  dispatcher = world.startDispatcher();
  const left: unknown[] = [];
  for (let n = 0; n < 3; n += 1) {
    const answer = await world.pay(order, { card: DECLINING });
    left.push(answer.kind === 'declined' ? answer.attemptsLeft : answer);
  }

  expect(left).toEqual([2, 1, 0]);
  await world.reaches(order.orderId, 'PAYMENT_FAILED');
  expect(await stockOf(world.sql, productId)).toMatchObject({ held: 0, sold: 0 });
  await until(() => world.gateCalls.synced.includes(order.orderId), { within: 10_000, what: 'the gate follows' });
});

test('When the provider captures and its answer is lost, then it is asked and the order confirmed, charged once', async () => {
  const card = '5100000000000001';
  await world.sandbox.behave({ cards: { [card]: { approveThenDrop: 1 } } });
  const order = await world.accepted(await world.product(1));
  dispatcher = world.startDispatcher();

  const answer = await world.pay(order, { card });

  expect(['done', 'pending']).toContain(answer.kind);
  await world.reaches(order.orderId, 'CONFIRMED');
  expect((await world.sandbox.ledger(order.orderId)).totals).toMatchObject({ captures: 1, captured: order.amount });
});

test('When the provider captures another amount, then all of it goes back and the order fails', async () => {
  const card = '5100000000000002';
  await world.sandbox.behave({ cards: { [card]: { captureOffBy: 7 } } });
  const productId = await world.product(1);
  const order = await world.accepted(productId);
  dispatcher = world.startDispatcher();

  expect(await world.pay(order, { card })).toMatchObject({ kind: 'declined', code: 'payment_mismatch' });

  await world.reaches(order.orderId, 'PAYMENT_FAILED');
  await until(async () => (await world.sandbox.ledger(order.orderId)).totals.refunded === order.amount + 7, {
    within: 15_000,
    what: 'the money is back',
  });
  await refundFoundBy(order);
  expect(await stockOf(world.sql, productId)).toMatchObject({ held: 0, sold: 0 });
});

test('When a buyer is refunded, then the money goes back first and the unit can be sold again', async () => {
  const productId = await world.product(1);
  const order = await world.accepted(productId);
  dispatcher = world.startDispatcher();
  await world.pay(order);
  const { orderId, memberId } = order;
  const claimed = await world.ledger.claimBuyerRefund({
    orderId,
    memberId,
    requestedBy: memberId,
    reason: 'too small',
  });
  if (claimed.kind !== 'claimed') throw new Error(claimed.kind);

  await startRefund(world.temporal, claimed.refund);

  await world.reaches(orderId, 'REFUNDED');
  expect((await world.sandbox.ledger(orderId)).totals).toMatchObject({ refunded: order.amount, refunds: 1 });
  expect(await stockOf(world.sql, productId)).toMatchObject({ held: 0, sold: 0 });
  await until(() => world.gateCalls.adjusted.some((each) => each.productId === productId && each.delta === 1), {
    within: 10_000,
    what: 'the gate has the unit',
  });
  expect(await startRefund(world.temporal, claimed.refund)).toBe('already');
});

test('When the start of a refund was lost, then the sweeper makes it', async () => {
  const order = await world.accepted(await world.product(1));
  dispatcher = world.startDispatcher();
  await world.pay(order);
  const { orderId, memberId } = order;
  const claimed = await world.ledger.claimBuyerRefund({ orderId, memberId, requestedBy: memberId, reason: 'too big' });
  if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
  await world.sql.change('UPDATE refunds SET updated_at = updated_at - INTERVAL 60 SECOND WHERE order_id = ?', [
    orderId,
  ]);

  expect(await new MockActivityEnvironment().run(createActivities(world.deps).sweepRefunds)).toBe(1);

  await world.reaches(orderId, 'REFUNDED');
  await refundFoundBy(order);
});

test('When the provider refuses a refund for good, then its workflow fails in sight; settled and started again, the money goes back once', async () => {
  const card = '5100000000000004';
  await world.sandbox.behave({ cards: { [card]: { refundRefusal: 'NOT_CANCELABLE_PAYMENT' } } });
  const order = await world.accepted(await world.product(1));
  dispatcher = world.startDispatcher();
  await world.pay(order, { card });
  const { orderId, memberId } = order;
  const claimed = await world.ledger.claimBuyerRefund({ orderId, memberId, requestedBy: memberId, reason: 'too red' });
  if (claimed.kind !== 'claimed') throw new Error(claimed.kind);

  await startRefund(world.temporal, claimed.refund);

  const handle = world.temporal.client.workflow.getHandle(`refund-${claimed.refund.paymentId}`);
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'REFUND_REFUSED' } });
  expect((await orderOf(world.sql, orderId))?.status).toBe('REFUNDING');

  // The provider keeps its refusal under the key of the refusal: only a key of its own lets the next try be heard.
  await world.sandbox.behave({ cards: { [card]: {} } });
  await startRefund(world.temporal, claimed.refund);
  await world.reaches(orderId, 'REFUNDED');
  expect((await world.sandbox.ledger(orderId)).totals).toMatchObject({ refunded: order.amount, refunds: 1 });
  expect(await startRefund(world.temporal, claimed.refund)).toBe('already');
});

test('When the engine is away, then a confirm says so at once', async () => {
  const away = createTemporal({
    TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}`,
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_TASK_QUEUE: 'none',
    TEMPORAL_API_KEY: undefined,
    TEMPORAL_UI_URL: 'http://127.0.0.1',
  });
  const confirm = executeConfirm(away, { owner: 'o', answerMs: 3_000, orderId: 'ord_1', paymentKey: 'k', amount: 1 });

  await expect(confirm).rejects.toMatchObject({ code: 'unavailable' });
  await away.close();
});

test('When a burst of 25 has gathered, then one workflow carries it and each order ends by itself', async () => {
  const productId = await world.product(25);
  const orders = await world.accept(productId, 25);
  dispatcher = world.startDispatcher();
  const owners = new Set(await Promise.all(orders.map(world.ownerOf)));
  expect(owners.size).toBe(1);

  const answers = await Promise.all(
    orders.map((order, n) => {
      if (n % 5 === 0) return cancel(order);
      return world.pay(order, n % 5 === 1 ? { card: DECLINING } : {});
    }),
  );

  const kinds = (from: number) => answers.filter((_, n) => n % 5 === from).map((answer) => answer.kind);
  expect(new Set(kinds(0))).toEqual(new Set(['cancelled']));
  expect(new Set(kinds(1))).toEqual(new Set(['declined']));
  // On a busy machine the provider's word may take longer than a call: the sum below knows no difference.
  for (const kind of [2, 3, 4].flatMap(kinds)) expect(['done', 'pending']).toContain(kind);
  // Those who were declined have two attempts left: another card pays.
  const declined = orders.filter((_, n) => n % 5 === 1);
  for (const answer of await Promise.all(declined.map((order) => world.pay(order)))) expect(answer.kind).toBe('done');
  const [owner = ''] = owners;
  await until(async () => (await readLife(world.temporal, owner)) === 'closed', { within: 10_000, what: 'its end' });
  expect(await stockOf(world.sql, productId)).toMatchObject({ held: 0, sold: 20 });
  expect(world.gateCalls.synced.filter((id) => orders.some((each) => each.orderId === id))).toHaveLength(25);
});

test('When an operator looks for an order, then its workflow tells who is in it, where each is, and what was undone', async () => {
  const productId = await world.product(2);
  const [paid, left] = (await world.accept(productId, 2)) as [Reservation, Reservation];
  dispatcher = world.startDispatcher();
  await Promise.all([world.pay(paid), cancel(left)]);
  const handle = world.temporal.client.workflow.getHandle(await world.ownerOf(paid));
  await handle.result();

  const { typedSearchAttributes, staticSummary, staticDetails } = await handle.describe();
  expect(typedSearchAttributes.get(orderIdsKey)).toEqual([paid.orderId, left.orderId]);
  expect(typedSearchAttributes.get(memberIdsKey)).toEqual([paid.memberId, left.memberId]);
  expect(typedSearchAttributes.get(productIdsKey)).toEqual([productId]);
  expect(typedSearchAttributes.get(phaseKey)).toBe('MIXED');
  expect(await staticSummary()).toMatch(new RegExp(`^${paid.orderId} and 1 more`));
  expect(await staticDetails()).toContain(left.orderId);
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain(`\`${paid.orderId}\` **CONFIRMED**`);
  expect(currentDetails).toMatch(/\*\*CANCELLED\*\* \(cancelled_by_buyer; undone: endOrder, releaseStock\)/);
});

test('When an operator looks for a refunded order, then its refund is found too, and says whose money it gives back', async () => {
  const order = await world.accepted(await world.product(1));
  dispatcher = world.startDispatcher();
  await world.pay(order);
  const { orderId, memberId, amount } = order;
  // As the API claims it; no sweeper runs here that would start what the API did not.
  const claim = createRefundClaims({
    source: world.source,
    ledger: world.ledger,
    startRefund: (refund) => startRefund(world.temporal, refund),
    onStartFailed: (error) => {
      throw error;
    },
  });
  const who = { memberId, requestedBy: memberId, idempotencyKey: orderId, bodyHash: hashOf() };
  await claim({ orderId, reason: 'too blue', ...who });
  const [payment] = await world.sql.rows<{ paymentId: string }>(
    'SELECT id AS paymentId FROM payments WHERE order_id = ?',
    [orderId],
  );
  const paymentId = payment?.paymentId;

  const found = await refundFoundBy(order);
  expect(found.workflowId).toBe(`refund-${paymentId}`);
  expect(found.typedSearchAttributes.get(memberIdsKey)).toEqual([memberId]);
  // Nobody would move it on from REFUNDING: whether it is done is the status of the workflow.
  expect(found.typedSearchAttributes.get(phaseKey)).toBeUndefined();
  const won = `${amount.toLocaleString('en-US')} won`;
  const { staticSummary } = await world.temporal.client.workflow.getHandle(found.workflowId).describe();
  expect(await staticSummary()).toBe(`${orderId} · refund of ${won} in full · ${paymentId}`);
});

test('When a step keeps failing, then what the worker logs of it leads to its workflow in the Web UI', async () => {
  const order = await world.accepted(await world.product(1));
  dispatcher = world.startDispatcher();
  await world.pay(order);
  const { orderId, memberId } = order;
  const claimed = await world.ledger.claimBuyerRefund({ orderId, memberId, requestedBy: memberId, reason: 'too old' });
  if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
  const away = new Error('the store is away');
  const read = jest.spyOn(world.ledger, 'readRefund').mockRejectedValueOnce(away).mockRejectedValueOnce(away);

  await startRefund(world.temporal, claimed.refund);
  await world.reaches(orderId, 'REFUNDED');
  read.mockRestore();

  const workflowId = `refund-${claimed.refund.paymentId}`;
  const lines = logged.filter((each) => each.workflowId === workflowId);
  expect(lines.map(({ attempt }) => attempt)).toEqual([1, 2]);
  const url = `http://ui/namespaces/default/workflows/${workflowId}`;
  for (const line of lines) expect(line).toMatchObject({ activityType: 'readRefund', sagaUrl: url });
});
