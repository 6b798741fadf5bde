/** The provider's stand-in over real HTTP: Toss's rules, its faults, its pay page. */
import { request } from 'undici';
import { DECLINED_CARD } from '../../sandbox/behaviour';
import type { Sandbox } from '../../sandbox/sandbox';
import { removeDir, type SandboxClient, sandboxClient, startTestSandbox, tempDir } from '../support/sandbox';
import { until } from '../support/until';

const AMOUNT = 12_000;
let dir: string;
let now = Date.now();
let sandbox: Sandbox;
let client: SandboxClient;
let order = 0;
const newOrder = (): string => `order-${String(++order).padStart(6, '0')}`;

const confirm = (paymentKey: string, orderId: string, idempotencyKey?: string, amount = AMOUNT) =>
  client.call('POST', '/v1/payments/confirm', {
    body: { paymentKey, orderId, amount },
    ...(idempotencyKey ? { idempotencyKey } : {}),
  });

async function authorized(card?: string): Promise<{ orderId: string; paymentKey: string }> {
  const orderId = newOrder();
  return { orderId, paymentKey: await client.authorize({ orderId, amount: AMOUNT, ...(card ? { card } : {}) }) };
}

beforeAll(async () => {
  dir = await tempDir();
  sandbox = await startTestSandbox({ dir, now: () => now });
  client = sandboxClient(sandbox.url);
});
beforeEach(async () => {
  now = Date.now();
  await client.behave({});
});
afterAll(async () => {
  await sandbox.stop();
  await removeDir(dir);
});

describe('paying', () => {
  test('When an authorised payment is confirmed, then money moves once, and the ledger has it', async () => {
    const { orderId, paymentKey } = await authorized();
    expect((await client.call('GET', `/v1/payments/${paymentKey}`)).body.status).toBe('IN_PROGRESS');
    const answer = await confirm(paymentKey, orderId, 'pay-1');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      paymentKey,
      orderId,
      status: 'DONE',
      totalAmount: AMOUNT,
      balanceAmount: AMOUNT,
    });
    expect(answer.body.approvedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00$/);
    expect(await client.ledger(orderId)).toMatchObject({
      captures: [{ paymentKey, orderId, amount: AMOUNT, refunded: 0, idempotencyKey: 'pay-1' }],
      totals: { captured: AMOUNT, refunded: 0, captures: 1, refunds: 0 },
    });
    expect((await client.call('GET', `/v1/payments/orders/${orderId}`)).body.status).toBe('DONE');
  });

  test('When key, order or amount is not that of the authorisation, then there is no session to confirm', async () => {
    const { orderId, paymentKey } = await authorized();
    for (const attempt of [
      confirm('nosuchkey', orderId),
      confirm(paymentKey, 'other-order'),
      confirm(paymentKey, orderId, undefined, AMOUNT + 1),
    ]) {
      expect(await attempt).toMatchObject({ status: 404, body: { code: 'NOT_FOUND_PAYMENT_SESSION' } });
    }
    expect((await client.ledger(orderId)).totals.captured).toBe(0);
  });

  test('When ten minutes pass, then the authorisation has expired and cannot be confirmed', async () => {
    const { orderId, paymentKey } = await authorized();
    now += 600_001;
    expect(await confirm(paymentKey, orderId)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND_PAYMENT_SESSION' },
    });
    expect((await client.call('GET', `/v1/payments/${paymentKey}`)).body.status).toBe('EXPIRED');
  });

  test('When the card is declined, then the payment is ABORTED and says why', async () => {
    const { orderId, paymentKey } = await authorized(DECLINED_CARD);
    expect(await confirm(paymentKey, orderId)).toMatchObject({ status: 403, body: { code: 'REJECT_CARD_COMPANY' } });
    expect((await client.call('GET', `/v1/payments/${paymentKey}`)).body).toMatchObject({
      status: 'ABORTED',
      approvedAt: null,
      failure: { code: 'REJECT_CARD_COMPANY' },
    });
  });

  test('When the secret key is wrong or missing, or the body is not valid, then nothing happens', async () => {
    const { orderId, paymentKey } = await authorized();
    const body = { paymentKey, orderId, amount: AMOUNT };
    expect((await client.call('POST', '/v1/payments/confirm', { body, secretKey: 'other' })).status).toBe(401);
    expect((await client.call('GET', `/v1/payments/${paymentKey}`, { secretKey: 'other' })).status).toBe(401);
    expect((await client.call('POST', '/v1/payments/confirm', { body: { ...body, amount: '1' } })).status).toBe(400);
    expect((await client.call('POST', '/v1/payments/confirm', { body, idempotencyKey: 'k'.repeat(301) })).status).toBe(
      400,
    );
    expect((await client.call('GET', '/v1/payments/nosuchkey')).body.code).toBe('NOT_FOUND_PAYMENT');
    expect((await client.call('GET', '/v1/nothing/here')).status).toBe(404);
    expect((await client.ledger(orderId)).totals.captured).toBe(0);
  });

  test('When a payment is cancelled in parts, then status and balance follow, and never more goes back than came', async () => {
    const { orderId, paymentKey } = await authorized();
    const cancel = (cancelAmount?: number) =>
      client.call('POST', `/v1/payments/${paymentKey}/cancel`, { body: { cancelReason: 'test', cancelAmount } });
    expect((await cancel()).body.code).toBe('NOT_CANCELABLE_PAYMENT');
    await confirm(paymentKey, orderId);
    expect((await cancel(2_000)).body).toMatchObject({ status: 'PARTIAL_CANCELED', balanceAmount: 10_000 });
    expect((await cancel(10_001)).body.code).toBe('NOT_CANCELABLE_AMOUNT');
    expect((await cancel()).body).toMatchObject({ status: 'CANCELED', balanceAmount: 0 });
    expect((await cancel()).body.code).toBe('ALREADY_CANCELED_PAYMENT');
    expect((await client.ledger(orderId)).totals).toEqual({
      captured: AMOUNT,
      refunded: AMOUNT,
      captures: 1,
      refunds: 2,
    });
  });
});

describe('idempotency', () => {
  test('When a key is used again with another body, then the first answer comes: the body is not compared', async () => {
    const one = await authorized();
    const two = await authorized();
    await confirm(one.paymentKey, one.orderId, 'same');
    const repeat = await confirm(two.paymentKey, two.orderId, 'same');
    expect(repeat.body).toMatchObject({ status: 'DONE', orderId: one.orderId });
    expect((await client.ledger(two.orderId)).totals.captured).toBe(0);
  });

  test('When a refused confirm is repeated under its key, then the refusal is repeated', async () => {
    const { orderId, paymentKey } = await authorized(DECLINED_CARD);
    const first = await confirm(paymentKey, orderId, 'refused-once');
    expect(await confirm(paymentKey, orderId, 'refused-once')).toEqual(first);
    expect((await confirm(paymentKey, orderId, 'another')).body.code).toBe('ALREADY_PROCESSED_PAYMENT');
  });

  test('When the first request still runs, then a second under the same key gets 409, and money moves once', async () => {
    await client.behave({ delayMs: 300 });
    const { orderId, paymentKey } = await authorized();
    const first = confirm(paymentKey, orderId, 'running');
    await until(async () => (await confirm(paymentKey, orderId, 'running')).status === 409, {
      within: 250,
      what: '409',
    });
    expect((await first).body.status).toBe('DONE');
    expect((await confirm(paymentKey, orderId, 'running')).body.status).toBe('DONE');
    expect((await client.ledger(orderId)).totals.captures).toBe(1);
  });

  test('When the same key serves confirm and cancel, then they do not meet: method and address count', async () => {
    const { orderId, paymentKey } = await authorized();
    await confirm(paymentKey, orderId, 'shared');
    const cancel = () =>
      client.call('POST', `/v1/payments/${paymentKey}/cancel`, {
        body: { cancelReason: 'x' },
        idempotencyKey: 'shared',
      });
    expect((await cancel()).body.status).toBe('CANCELED');
    expect((await cancel()).body.status).toBe('CANCELED');
    expect((await confirm(paymentKey, orderId, 'shared')).body.status).toBe('DONE');
    expect((await client.ledger(orderId)).totals.refunds).toBe(1);
  });
});

describe('faults', () => {
  test('When the answer is dropped after approval, then the caller sees no answer and a repeat gets it', async () => {
    await client.behave({ approveThenDrop: 1 });
    const { orderId, paymentKey } = await authorized();
    await expect(confirm(paymentKey, orderId, 'dropped')).rejects.toThrow();
    expect((await client.ledger(orderId)).totals.captures).toBe(1);
    expect((await confirm(paymentKey, orderId, 'dropped')).body.status).toBe('DONE');
  });

  test('When 500 follows the approval, then the money is there and a repeat says so', async () => {
    await client.behave({ approveThen500: 1 });
    const { orderId, paymentKey } = await authorized();
    expect((await confirm(paymentKey, orderId, 'failed')).status).toBe(500);
    expect((await confirm(paymentKey, orderId, 'failed')).body.status).toBe('DONE');
  });

  test('When 5xx or 429 come without effect, then nothing is captured and the key stays free', async () => {
    const { orderId, paymentKey } = await authorized();
    await client.behave({ errorShare: 1 });
    expect((await confirm(paymentKey, orderId, 'free')).status).toBe(500);
    expect((await client.call('GET', `/v1/payments/${paymentKey}`)).status).toBe(500);
    await client.behave({ rateLimitShare: 1 });
    expect((await confirm(paymentKey, orderId, 'free')).status).toBe(429);
    await client.behave({});
    expect((await client.ledger(orderId)).totals.captures).toBe(0);
    expect((await confirm(paymentKey, orderId, 'free')).body.status).toBe('DONE');
  });

  test('When a knob is set for one card, then only that card feels it', async () => {
    await client.behave({ cards: { '5555000011112222': { declineShare: 1, declineCode: 'FDS_ERROR' } } });
    const bad = await authorized('5555000011112222');
    const good = await authorized();
    expect((await confirm(bad.paymentKey, bad.orderId)).body.code).toBe('FDS_ERROR');
    expect((await confirm(good.paymentKey, good.orderId)).body.status).toBe('DONE');
  });

  test('When a knob is not known, then it is refused and the old behaviour stays', async () => {
    await expect(client.behave({ declineShares: 1 })).rejects.toThrow('declineShares');
    await expect(client.behave({ declineShare: 2 })).rejects.toThrow('declineShare');
    const { orderId, paymentKey } = await authorized();
    expect((await confirm(paymentKey, orderId)).body.status).toBe('DONE');
  });
});

describe('the pay page', () => {
  const form = (choice: string, more: Record<string, string> = {}) =>
    request(`${sandbox.url}/sandbox/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ orderId: 'page-order', amount: String(AMOUNT), choice, ...more }).toString(),
    });

  test('When the buyer approves, then the browser goes back with a payment key that can be confirmed', async () => {
    const page = await request(`${sandbox.url}/sandbox/pay?orderId=page-order&amount=${AMOUNT}&orderName=%3Cb%3E`);
    const html = await page.body.text();
    expect(html).toContain('Approve');
    expect(html).not.toContain('<b>');
    const answer = await form('approve', { successUrl: 'http://shop.test/paid?x=1' });
    expect(answer.statusCode).toBe(303);
    const target = new URL(String(answer.headers.location));
    expect(target.searchParams.get('x')).toBe('1');
    const paid = await confirm(String(target.searchParams.get('paymentKey')), 'page-order');
    expect(paid.body.status).toBe('DONE');
  });

  test('When the buyer declines, or a target is no web address, then nothing is authorised', async () => {
    const answer = await form('decline', { failUrl: 'http://shop.test/failed' });
    expect(new URL(String(answer.headers.location)).searchParams.get('code')).toBe('PAY_PROCESS_CANCELED');
    expect((await form('approve', { successUrl: 'javascript:alert(1)' })).statusCode).toBe(400);
  });
});
