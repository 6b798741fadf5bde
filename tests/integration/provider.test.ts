/** The adapter against the sandbox over real HTTP: what every trouble of a provider looks like to a saga. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createProvider, type ProviderClient } from '../../infra/provider/provider';
import { DECLINED_CARD } from '../../sandbox/behaviour';
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

const AMOUNT = 30_000;
let dir: string;
let sandbox: Sandbox;
let client: SandboxClient;
let provider: ProviderClient;
let now = Date.now();
let order = 0;

async function authorized(card?: string) {
  const orderId = `provider-${++order}`;
  const paymentKey = await client.authorize({ orderId, amount: AMOUNT, ...(card ? { card } : {}) });
  return { orderId, paymentKey, amount: AMOUNT, idempotencyKey: `pay-${order}` };
}
const refundOf = (payment: { paymentKey: string; idempotencyKey: string }) => ({
  paymentKey: payment.paymentKey,
  amount: AMOUNT,
  reason: 'test',
  idempotencyKey: `refund-${payment.idempotencyKey}`,
});

beforeAll(async () => {
  dir = await tempDir();
  sandbox = await startTestSandbox({ dir, now: () => now });
  client = sandboxClient(sandbox.url);
  provider = createProvider({ baseUrl: sandbox.url, secretKey: SECRET_KEY, timeoutMs: 500 });
});
beforeEach(async () => {
  now = Date.now();
  await client.behave({});
});
afterAll(async () => {
  await provider.close();
  await sandbox.stop();
  await removeDir(dir);
});

test('When a payment is confirmed, looked up and refunded, then each answer says what is true', async () => {
  const payment = await authorized();
  expect(await provider.lookUp(payment)).toEqual({ kind: 'open' });
  const captured = {
    kind: 'captured',
    paymentKey: payment.paymentKey,
    orderId: payment.orderId,
    amount: AMOUNT,
    approvedAt: expect.stringMatching(/^\d{4}-.*\.000Z$/),
    method: '카드',
  };
  expect(await provider.confirm(payment)).toEqual(captured);
  expect(await provider.confirm(payment)).toEqual(captured);
  expect(await provider.lookUp(payment)).toEqual(captured);
  expect(await provider.lookUpByOrder(payment)).toEqual(captured);
  const refunded = { kind: 'refunded', paymentKey: payment.paymentKey, amount: AMOUNT };
  expect(await provider.refund(refundOf(payment))).toEqual(refunded);
  expect(await provider.refund(refundOf(payment))).toEqual(refunded);
  expect(await provider.refund({ ...refundOf(payment), idempotencyKey: 'another' })).toEqual(refunded);
  expect(await provider.lookUp(payment)).toEqual({ kind: 'dead', paymentKey: payment.paymentKey, status: 'CANCELED' });
  expect((await client.ledger(payment.orderId)).totals).toMatchObject({ captures: 1, refunds: 1 });
});

test('When the card is declined, then confirm says declined and the look-up says dead', async () => {
  const payment = await authorized(DECLINED_CARD);
  expect(await provider.confirm(payment)).toMatchObject({ kind: 'declined', code: 'REJECT_CARD_COMPANY' });
  expect(await provider.lookUp(payment)).toMatchObject({ kind: 'dead', status: 'ABORTED' });
});

test('When the authorisation has expired or never was, then confirm says declined', async () => {
  const payment = await authorized();
  now += 600_001;
  expect(await provider.confirm(payment)).toMatchObject({ kind: 'declined', code: 'NOT_FOUND_PAYMENT_SESSION' });
  expect(await provider.lookUp(payment)).toMatchObject({ kind: 'dead', status: 'EXPIRED' });
  expect(await provider.confirm({ ...payment, paymentKey: 'made up/?#', idempotencyKey: 'x' })).toMatchObject({
    kind: 'declined',
  });
  expect(await provider.lookUp({ paymentKey: 'made up/?#' })).toEqual({ kind: 'open' });
});

test.each([
  ['the connection is dropped after approval', { approveThenDrop: 1 }],
  ['500 follows the approval', { approveThen500: 1 }],
])('When %s, then the answer is unknown, and asking again finds the one capture', async (_, behaviour) => {
  const payment = await authorized();
  await client.behave(behaviour);
  expect((await provider.confirm(payment)).kind).toBe('unknown');
  expect((await provider.lookUp(payment)).kind).toBe('captured');
  expect((await provider.confirm(payment)).kind).toBe('captured');
  expect((await provider.refund(refundOf(payment))).kind).toBe('unknown');
  expect((await provider.refund(refundOf(payment))).kind).toBe('refunded');
  expect((await client.ledger(payment.orderId)).totals).toMatchObject({ captures: 1, refunds: 1 });
});

test.each([
  ['500', { errorShare: 1 }],
  ['429', { rateLimitShare: 1 }],
  ['an unlisted refusal', { declineShare: 1, declineCode: 'CARD_PROCESSING_ERROR' }],
])('When the provider answers %s, then the answer is unknown', async (_, behaviour) => {
  const payment = await authorized();
  await client.behave(behaviour);
  expect((await provider.confirm(payment)).kind).toBe('unknown');
  expect((await client.ledger(payment.orderId)).totals.captures).toBe(0);
});

test('When the provider is slower than our patience, then the answer is unknown and the money still lands', async () => {
  const payment = await authorized();
  await client.behave({ delayMs: 900 });
  expect(await provider.confirm(payment)).toEqual({ kind: 'unknown', why: 'timeout' });
  // The first call still runs: under the same key the provider is busy, not ready to charge again.
  expect(await provider.confirm(payment)).toEqual({ kind: 'unknown', why: 'http 409 IDEMPOTENT_REQUEST_PROCESSING' });
  await until(async () => (await provider.lookUp(payment)).kind === 'captured', {
    within: 3_000,
    what: 'the late capture',
  });
  expect((await client.ledger(payment.orderId)).totals.captures).toBe(1);
});

test('When the provider captures another amount, then the answer carries the amount it captured', async () => {
  const payment = await authorized();
  await client.behave({ captureOffBy: 500 });
  expect(await provider.confirm(payment)).toMatchObject({ kind: 'captured', amount: AMOUNT + 500 });
});

test('When a refund is refused for good, then it says so and the money stays', async () => {
  const payment = await authorized();
  await provider.confirm(payment);
  await client.behave({ refundRefusal: 'NOT_CANCELABLE_PAYMENT' });
  expect(await provider.refund(refundOf(payment))).toMatchObject({ kind: 'refused', code: 'NOT_CANCELABLE_PAYMENT' });
  expect((await client.ledger(payment.orderId)).totals.refunded).toBe(0);
});

describe('a provider that is not itself', () => {
  async function against(listener: RequestListener, ask: (broken: ProviderClient) => Promise<void>): Promise<void> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const broken = createProvider({ baseUrl: `http://127.0.0.1:${port}/proxy/`, secretKey: 'sk', timeoutMs: 200 });
    try {
      await ask(broken);
    } finally {
      await broken.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
  const confirm = { paymentKey: 'k', orderId: 'order-1', amount: 1, idempotencyKey: 'i' };

  test('When a proxy answers HTML, then the status decides and nothing is believed', async () => {
    let path: string | undefined;
    await against(
      (incoming, answer) => {
        path = incoming.url;
        answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      },
      async (broken) => expect((await broken.confirm(confirm)).kind).toBe('unknown'),
    );
    expect(path).toBe('/proxy/v1/payments/confirm');
  });

  test('When headers come but the body never ends, then the answer is unknown in time', async () => {
    await against(
      (_, answer) => void answer.writeHead(200).write('{"status":"DONE"'),
      async (broken) => expect(await broken.confirm(confirm)).toEqual({ kind: 'unknown', why: 'timeout' }),
    );
  });

  test('When nobody listens, then the answer is unknown', async () => {
    const nobody = createProvider({ baseUrl: 'http://127.0.0.1:9', secretKey: 'sk', timeoutMs: 2_000 });
    expect(await nobody.confirm(confirm)).toEqual({ kind: 'unknown', why: 'ECONNREFUSED' });
    await nobody.close();
  });
});
