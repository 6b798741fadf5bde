/** The payments service over HTTP: every answer has the shape that the contract promises, every refusal its problem. */
import { randomBytes, randomUUID } from 'node:crypto';
import { request } from 'undici';
import { createConfirm } from '../../api/payments/confirm';
import { createOrderWatch } from '../../api/payments/order-watch';
import type { OwnerAnswer } from '../../api/payments/pursuit';
import { paymentsRouter } from '../../api/payments/routes';
import { createPaymentsService, type PaymentsService } from '../../api/payments/service';
import { PRINCIPAL_HEADER, REQUEST_ID_HEADER } from '../../domain/names';
import type { OperationShape } from '../../domain/operations/operation';
import { confirmPayment, createPayment, getPayment, listPayments } from '../../domain/operations/payments';
import { type Listening, listen } from '../../infra/http/listen';
import { createPrincipals } from '../../infra/http/principal';
import { createServiceApp } from '../../infra/http/service-app';
import { createConfirmKeys } from '../../infra/mysql/repositories/bound-keys';
import { createPaymentsRepository } from '../../infra/mysql/repositories/payments';
import { createWebhooksRepository } from '../../infra/mysql/repositories/webhooks';
import { parseJson } from '../../infra/mysql/transaction';
import { createLogger } from '../../infra/process/logger';
import { createMetrics } from '../../infra/process/metrics';
import { createLedgerFixture, type LedgerFixture, PRICE } from './support/ledger';

const SECRET = randomBytes(32).toString('base64url');
const principals = createPrincipals(SECRET);

let fixture: LedgerFixture;
let service: PaymentsService;
let server: Listening;
let productId: string;
let owner: () => Promise<OwnerAnswer>;

beforeAll(async () => {
  fixture = await createLedgerFixture();
  const { source, ledger } = fixture;
  const payments = createPaymentsRepository(source);
  const watch = createOrderWatch(payments.payableOrders);
  const shared = { payments, watch, setPaying: ledger.setPaying, waitMs: 300 };
  const confirm = createConfirm({
    ...shared,
    askOwner: () => owner(),
    nudgeSweeper: () => undefined,
    attemptsMax: 3,
    onLateError: () => undefined,
  });
  const keys = createConfirmKeys(source);
  service = createPaymentsService({ ...shared, keys, webhooks: createWebhooksRepository(source), confirm });
  const app = createServiceApp({
    services: ['payments'],
    routers: [paymentsRouter(service)],
    principalSecret: SECRET,
    logger: createLogger('test', 'silent'),
    metrics: createMetrics('test'),
    ready: () => true,
  });
  server = await listen(app, { host: '127.0.0.1', port: 0 });
  productId = await fixture.product(100);
});
afterAll(async () => {
  await server.close();
  await service.close();
  await fixture.destroy();
});

interface Asked {
  readonly memberId?: string;
  readonly body?: unknown;
  readonly key?: string;
}
/** As the gateway would forward it. */
async function ask(method: 'GET' | 'POST', path: string, { memberId, body, key }: Asked = {}) {
  const requestId = randomUUID();
  const scope = { service: 'payments', method, path: path.split('?')[0] ?? path, requestId } as const;
  const principal = { memberId: memberId ?? '', role: 'MEMBER', sessionId: 'ses_1' } as const;
  const answer = await request(`${server.url}${path}`, {
    method,
    headers: {
      [REQUEST_ID_HEADER]: requestId,
      ...(memberId ? { [PRINCIPAL_HEADER]: await principals.sign(principal, scope) } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key ? { 'idempotency-key': key } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, body: text ? JSON.parse(text) : null };
}
/** The answer has the status and shape that the operation declares. */
function expectDeclared(operation: OperationShape, answer: { status: number; body: unknown }): void {
  const declared = operation.answers[answer.status];
  expect({ status: answer.status, isDeclared: declared !== undefined }).toEqual({
    status: answer.status,
    isDeclared: true,
  });
  expect(declared?.schema?.safeParse(answer.body).error?.issues ?? []).toEqual([]);
}
async function opened() {
  const order = await fixture.claimed(productId);
  await fixture.ledger.openOrder({ ...order, holdMs: 60_000 });
  return order;
}

test('When a payment is made, listed, read and confirmed, then each answer is as declared', async () => {
  const order = await opened();
  const { memberId, orderId } = order;
  const made = await ask('POST', '/v1/payments', { memberId, body: { orderId } });
  expectDeclared(createPayment, made);
  expect(made).toMatchObject({ status: 200, body: { status: 'READY', currency: 'KRW' } });

  const { paymentId } = made.body;
  const approvedAt = '2026-11-25T00:00:00.000Z';
  owner = async () => ({ kind: 'done', paymentId, approvedAt, amount: PRICE });
  const body = { paymentKey: 'k1', orderId, amount: PRICE };
  const key = randomUUID();
  const confirmed = await ask('POST', '/v1/payments/confirm', { memberId, body, key: `"${key}"` });
  expectDeclared(confirmPayment, confirmed);
  expect(confirmed).toMatchObject({ status: 200, body: { paymentId, orderStatus: 'CONFIRMED' } });
  const again = await ask('POST', '/v1/payments/confirm', { memberId, body, key });
  expect(again).toMatchObject({ status: 200, body: confirmed.body, headers: { 'idempotency-replayed': 'true' } });

  const list = await ask('GET', '/v1/payments?limit=1', { memberId });
  expectDeclared(listPayments, list);
  expect(list.body.items).toMatchObject([{ paymentId }]);
  const read = await ask('GET', `/v1/payments/${paymentId}`, { memberId });
  expectDeclared(getPayment, read);
});

test('When the answer is not known in time, then 202 is as declared and says where to follow', async () => {
  const order = await opened();
  owner = async () => ({ kind: 'pending' });
  const body = { paymentKey: 'k2', orderId: order.orderId, amount: PRICE };
  const answer = await ask('POST', '/v1/payments/confirm', { memberId: order.memberId, body, key: randomUUID() });
  expectDeclared(confirmPayment, answer);
  expect(answer).toMatchObject({ status: 202, headers: { location: `/v1/checkouts/${order.orderId}` } });
});

test('When the card is declined, then the problem carries what is left and the provider’s code', async () => {
  const order = await opened();
  owner = async () => ({ kind: 'declined', paymentId: 'p', code: 'FDS_ERROR', message: 'no', attemptsLeft: 1 });
  const body = { paymentKey: 'k3', orderId: order.orderId, amount: PRICE };
  const answer = await ask('POST', '/v1/payments/confirm', { memberId: order.memberId, body, key: randomUUID() });
  expect(answer).toMatchObject({
    status: 402,
    headers: { 'content-type': 'application/problem+json' },
    body: { code: 'payment_declined', attemptsLeft: 1, providerCode: 'FDS_ERROR' },
  });
});

test('When the request is not acceptable, then it is refused with the right problem and leaves nothing', async () => {
  const { memberId, orderId } = await opened();
  const body = { paymentKey: 'k4', orderId, amount: PRICE };
  const confirm = (asked: Asked) => ask('POST', '/v1/payments/confirm', asked);
  const key = randomUUID();
  expect(await confirm({ body, key })).toMatchObject({ status: 401 });
  expect(await confirm({ memberId, body })).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  expect(await confirm({ memberId, key, body: { ...body, more: 1 } })).toMatchObject({
    status: 400,
    body: { code: 'malformed_request', errors: [{ pointer: '#/more' }] },
  });
  expect(await confirm({ memberId, key, body: { ...body, amount: -1 } })).toMatchObject({ status: 422 });
  expect(await confirm({ memberId, key, body: { ...body, amount: PRICE + 1 } })).toMatchObject({
    status: 422,
    body: { code: 'amount_mismatch' },
  });
  expect(await confirm({ memberId: 'mem_other', key, body })).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  });
  expect(await ask('GET', '/v1/payments?cursor=%00', { memberId })).toMatchObject({
    status: 400,
    body: { code: 'invalid_cursor' },
  });
  expect(await ask('GET', '/v1/payments/nothing', { memberId })).toMatchObject({ status: 404 });
  const kept = await fixture.sql.rows('SELECT 1 FROM idempotency_keys WHERE idempotency_key = ?', [key]);
  expect(kept).toEqual([]);
});

test('When the provider sends an event of a kind we do not know, then it is answered 200 and comes to nothing', async () => {
  // Its callback of virtual accounts: no event type, no data.
  const body = { createdAt: '2026-12-01T20:00:00.000', secret: 's', status: 'DONE', transactionKey: 't', orderId: 'o' };
  expect(await ask('POST', '/v1/webhooks/toss', { body })).toMatchObject({ status: 200 });
  expect(await ask('POST', '/v1/webhooks/toss', { body: [body] as unknown as typeof body })).toMatchObject({
    status: 400,
  });
  await fixture.sql.change("DELETE FROM webhook_events WHERE JSON_VALUE(payload, '$.createdAt') = ?", [body.createdAt]);
});

test('When the provider sends a webhook, then what we use of it is stored before it is answered, whatever else it carries', async () => {
  const hint = { eventType: 'PAYMENT_STATUS_CHANGED', data: { paymentKey: 'k5', status: 'DONE' } };
  // Deeper than the store's JSON may be: anybody may send this, and it must not come in the way of others.
  const deep = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) as unknown;
  const body = { ...hint, data: { ...hint.data, unheardOf: deep }, more: deep };
  const answers = await Promise.all([1, 2, 3].map(() => ask('POST', '/v1/webhooks/toss', { body })));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  const rows = await fixture.sql.rows<{ payload: unknown }>('SELECT payload FROM webhook_events');
  expect(rows.map(({ payload }) => parseJson(payload))).toEqual([hint, hint, hint]);
});
