/** Webhooks on real rows and a real sandbox: a hint never moves money by itself, and money no order wants goes back. */
import { type HintDeps, settleHint, startHintReader } from '../../api/payments/hints';
import { createPaymentsRepository } from '../../infra/mysql/repositories/payments';
import { createWebhooksRepository } from '../../infra/mysql/repositories/webhooks';
import { createProvider, type ProviderClient } from '../../infra/provider/provider';
import type { Sandbox } from '../../sandbox/sandbox';
import {
  removeDir,
  type SandboxClient,
  SECRET_KEY,
  sandboxClient,
  startTestSandbox,
  tempDir,
} from '../support/sandbox';
import { until } from '../support/until';
import { createLedgerFixture, type LedgerFixture, PRICE } from './support/ledger';

let fixture: LedgerFixture;
let dir: string;
let sandbox: Sandbox;
let client: SandboxClient;
let provider: ProviderClient;
let deps: HintDeps;
let productId: string;
let refunds: string[] = [];
let nudges = 0;
let problems: string[] = [];

beforeAll(async () => {
  fixture = await createLedgerFixture();
  dir = await tempDir();
  sandbox = await startTestSandbox({ dir });
  client = sandboxClient(sandbox.url);
  provider = createProvider({ baseUrl: sandbox.url, secretKey: SECRET_KEY, timeoutMs: 1_000 });
  deps = {
    webhooks: createWebhooksRepository(fixture.source),
    payments: createPaymentsRepository(fixture.source),
    provider,
    claimLateMoney: fixture.ledger.claimLateMoney,
    startRefund: async ({ paymentId }) => refunds.push(paymentId),
    nudgeSweeper: () => {
      nudges += 1;
    },
    onProblem: ({ message }) => problems.push(message),
  };
  productId = await fixture.product(100);
});
beforeEach(async () => {
  refunds = [];
  problems = [];
  nudges = 0;
  await client.behave({});
});
afterAll(async () => {
  await provider.close();
  await sandbox.stop();
  await removeDir(dir);
  await fixture.destroy();
});

const hint = (paymentKey: string, orderId: string, status = 'DONE') => ({
  payload: { eventType: 'PAYMENT_STATUS_CHANGED', data: { paymentKey, orderId, status } },
});

async function opened() {
  const order = await fixture.claimed(productId);
  await fixture.ledger.openOrder({ ...order, holdMs: 60_000 });
  return { ...order, paymentKey: await client.authorize({ orderId: order.orderId, amount: PRICE }) };
}
type Opened = Awaited<ReturnType<typeof opened>>;
const capture = ({ paymentKey, orderId }: Opened) =>
  provider.confirm({ paymentKey, orderId, amount: PRICE, idempotencyKey: `k-${paymentKey}` });
async function begin(order: Opened): Promise<string> {
  const begun = await fixture.ledger.beginPayment({ ...order, amount: PRICE, attemptsMax: 3 });
  return begun.kind === 'begun' ? begun.paymentId : '';
}

test('When a forged hint claims DONE, then the provider is asked, and nothing moves', async () => {
  const order = await opened();
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('settled');
  expect(await settleHint(deps, hint('no-such-key', order.orderId))).toBe('settled');
  expect(await settleHint(deps, { payload: { eventType: 'X', data: {} } })).toBe('settled');
  expect(refunds).toEqual([]);
  const rows = await fixture.sql.rows<{ status: string }>('SELECT status FROM payments WHERE order_id = ?', [
    order.orderId,
  ]);
  expect(rows).toEqual([{ status: 'READY' }]);
});

test('When the saga is still asking, then the hint waits; once the payment is DONE, it is settled', async () => {
  const order = await opened();
  const paymentId = await begin(order);
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('later');
  expect(nudges).toBe(0);
  await fixture.ledger.markUnknown({ ...order, paymentId, why: 'timeout' });
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('later');
  expect(nudges).toBe(1);
  const answer = await capture(order);
  if (answer.kind !== 'captured') throw new Error(answer.kind);
  await fixture.ledger.recordCapture({ ...order, paymentId, ...answer });
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('settled');
  expect(refunds).toEqual([]);
});

test('When money is found for an order that ended, then it is claimed once and its refund started', async () => {
  const order = await opened();
  await fixture.ledger.endOrder({ ...order, status: 'EXPIRED', reason: 'deadline_passed' });
  await capture(order);
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('settled');
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('settled');
  const rows = await fixture.sql.rows<{ id: string; kind: string; amount: number; status: string }>(
    'SELECT payment_id AS id, kind, amount, status FROM refunds WHERE order_id = ?',
    [order.orderId],
  );
  expect(rows).toEqual([{ id: expect.any(String), kind: 'LATE_MONEY', amount: PRICE, status: 'REFUNDING' }]);
  expect(new Set(refunds)).toEqual(new Set([rows[0]?.id]));
});

test('When money is there and the order still open, then the hint waits for the saga', async () => {
  const order = await opened();
  await capture(order);
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('later');
  expect(refunds).toEqual([]);
});

test('When the provider does not answer, then the hint waits', async () => {
  const order = await opened();
  await client.behave({ errorShare: 1 });
  expect(await settleHint(deps, hint(order.paymentKey, order.orderId))).toBe('later');
});

test('When hints are stored, doubled and out of order, then the reader settles each, and asks again about what waits', async () => {
  const late = await opened();
  await fixture.ledger.endOrder({ ...late, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
  await capture(late);
  const waiting = await opened();
  await capture(waiting);
  for (const order of [waiting, late, late]) await deps.webhooks.store(hint(order.paymentKey, order.orderId).payload);
  const unasked = async () => (await deps.webhooks.unasked({ after: '', limit: 100 })).length;
  const reader = startHintReader(deps);
  try {
    await until(async () => (await unasked()) === 1, { within: 5_000, what: 'two settled' });
    expect(refunds.length).toBeGreaterThan(0);
    await fixture.ledger.endOrder({ ...waiting, status: 'EXPIRED', reason: 'deadline_passed' });
    await until(async () => (await unasked()) === 0, { within: 5_000, what: 'all settled' });
    expect(new Set(refunds).size).toBe(2);
    expect(problems).toEqual([]);
  } finally {
    await reader.stop();
  }
});
