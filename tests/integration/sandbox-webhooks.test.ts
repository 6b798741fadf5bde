/** The sandbox's webhooks, as a shop receives them: repeated, doubled, reordered, forged. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sandbox } from '../../sandbox/sandbox';
import { removeDir, sandboxClient, startTestSandbox, tempDir } from '../support/sandbox';
import { until } from '../support/until';

const AMOUNT = 12_000;
let order = 0;
const newOrder = (): string => `order-${String(++order).padStart(6, '0')}`;

interface Hint {
  readonly eventType: string;
  readonly data: { readonly paymentKey: string; readonly status: string };
}
let shop: Server;
let hooked: Sandbox;
let hookDir: string;
let hints: Hint[] = [];
let refusals = 0;

beforeAll(async () => {
  shop = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      hints.push(JSON.parse(Buffer.concat(chunks).toString()) as Hint);
      answer.writeHead(refusals-- > 0 ? 503 : 200).end();
    });
  });
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  hookDir = await tempDir();
  const { port } = shop.address() as AddressInfo;
  hooked = await startTestSandbox({ dir: hookDir, webhookUrl: `http://127.0.0.1:${port}/v1/webhooks/toss` });
});
beforeEach(() => {
  hints = [];
  refusals = 0;
});
afterAll(async () => {
  await hooked.stop();
  await new Promise((resolve) => shop.close(resolve));
  await removeDir(hookDir);
});

async function pay(card?: string): Promise<string> {
  const talk = sandboxClient(hooked.url);
  const orderId = newOrder();
  const paymentKey = await talk.authorize({ orderId, amount: AMOUNT, ...(card ? { card } : {}) });
  await talk.call('POST', '/v1/payments/confirm', { body: { paymentKey, orderId, amount: AMOUNT } });
  return paymentKey;
}
const told = (count: number) => until(() => hints.length >= count, { within: 5_000, what: `${count} webhooks` });

test('When a payment is captured, then the shop is told once, and again until it answers 200', async () => {
  await sandboxClient(hooked.url).behave({ webhookDelayMs: 0, webhookRetryMs: [5, 5, 5] });
  refusals = 2;
  const paymentKey = await pay();
  await told(3);
  const hint = { eventType: 'PAYMENT_STATUS_CHANGED', data: { paymentKey, status: 'DONE' } };
  expect(hints).toMatchObject([hint, hint, hint]);
});

test('When webhooks are doubled, then the same hint comes twice', async () => {
  await sandboxClient(hooked.url).behave({ webhookDelayMs: 0, webhooks: 'doubled' });
  const paymentKey = await pay();
  await told(2);
  expect(hints.map((hint) => hint.data.paymentKey)).toEqual([paymentKey, paymentKey]);
});

test('When webhooks are reordered, then the later hint overtakes the earlier one', async () => {
  await sandboxClient(hooked.url).behave({ webhookDelayMs: 20, webhooks: 'reordered' });
  const [earlier, later] = [await pay(), await pay()];
  await told(2);
  expect(hints.map((hint) => hint.data.paymentKey)).toEqual([later, earlier]);
});

test('When webhooks are forged, then a hint claims DONE for a payment that nobody captured', async () => {
  await sandboxClient(hooked.url).behave({ webhookDelayMs: 0, webhooks: 'forged' });
  const talk = sandboxClient(hooked.url);
  const paymentKey = await talk.authorize({ orderId: newOrder(), amount: AMOUNT });
  await told(1);
  expect(hints[0]).toMatchObject({ data: { paymentKey, status: 'DONE' } });
  expect((await talk.call('GET', `/v1/payments/${paymentKey}`)).body.status).toBe('IN_PROGRESS');
});
