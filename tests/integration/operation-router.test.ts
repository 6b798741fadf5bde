import { connect } from 'node:net';
import { Problem } from '../../domain/errors';
import { createId } from '../../domain/ids';
import { deleteCartItem, putCartItem } from '../../domain/operations/carts';
import { cancelCheckout, createCheckout, getOrder, listOrders } from '../../domain/operations/orders';
import { confirmPayment, getPayment, receiveWebhook } from '../../domain/operations/payments';
import { createProduct, getProduct, listProducts, updateProduct } from '../../domain/operations/products';
import { type Listening, listen } from '../../infra/http/listen';
import { bind, type OperationRequest, operationRouter } from '../../infra/http/operation-router';
import { createPrincipals, type Principal } from '../../infra/http/principal';
import { createServiceApp } from '../../infra/http/service-app';
import { createLogger } from '../../infra/process/logger';
import { createMetrics } from '../../infra/process/metrics';

const SECRET = Buffer.alloc(32, 7).toString('base64url');
const principals = createPrincipals(SECRET);
const member: Principal = { memberId: createId('mem'), sessionId: createId('ses'), role: 'MEMBER' };
const admin: Principal = { ...member, role: 'ADMIN' };
const orderId = createId('ord');
const productId = createId('prd');

/** The last request a handler has seen. */
let seen: Partial<OperationRequest> | undefined;
let failure: unknown;
let server: Listening;

const echo = async (request: unknown) => {
  seen = request as OperationRequest;
  if (failure) throw failure;
  return { status: 200, body: { ok: true } };
};

beforeAll(async () => {
  const operations = [
    createCheckout,
    getOrder,
    listOrders,
    cancelCheckout,
    confirmPayment,
    getPayment,
    createProduct,
    getProduct,
    listProducts,
    updateProduct,
    putCartItem,
    deleteCartItem,
    receiveWebhook,
  ];
  const app = createServiceApp({
    services: ['orders'],
    routers: [operationRouter(operations.map((operation) => bind(operation, echo)))],
    principalSecret: SECRET,
    logger: createLogger('test', 'silent'),
    metrics: createMetrics('test'),
    ready: () => true,
  });
  server = await listen(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());
beforeEach(() => {
  seen = undefined;
  failure = undefined;
});

interface Sent {
  readonly as?: Principal;
  readonly service?: 'carts' | 'orders' | 'payments' | 'products';
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** the path the principal is signed for; default: the one sent */
  readonly signedFor?: string;
}
interface Told {
  readonly code?: string;
  readonly requestId?: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}

async function send(method: string, path: string, { as, service = 'orders', body, headers, signedFor }: Sent = {}) {
  const requestId = 'request-0001';
  const signedPath = signedFor ?? path.replace(/\?.*/, '');
  const token = as && (await principals.sign(as, { service, method, path: signedPath, requestId }));
  const response = await fetch(server.url + path, {
    method,
    headers: {
      'request-id': requestId,
      ...(token ? { 'x-firstcome-principal': token } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : {}) as Told };
}

const checkout = (body: string | object, headers: Readonly<Record<string, string>> = { 'idempotency-key': 'k' }) =>
  send('POST', '/v1/checkouts', { as: member, body, headers });
const lines = (quantity: unknown) => ({ items: [{ productId, quantity }] });

test('When a well-formed request arrives, then the handler sees parsed values and who asks', async () => {
  const answer = await checkout(lines(2), { 'idempotency-key': '"quoted key"'.replace(' ', '-'), prefer: 'wait=99' });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('request-id')).toBe('request-0001');
  expect(seen).toMatchObject({
    body: lines(2),
    principal: member,
    idempotencyKey: 'quoted-key',
    prefer: { waitS: 30 },
    requestId: 'request-0001',
  });
});

test('When a body is no JSON, then the refusal says so', async () => {
  expect((await checkout('{"items":')).body).toMatchObject({ detail: 'the body is not valid JSON' });
});

test.each([
  ['not JSON', '{"items":', 400, 'malformed_request', []],
  ['a wrong type', lines('two'), 400, 'malformed_request', ['#/items/0/quantity']],
  ['an unknown field', { ...lines(1), coupon: 'x' }, 400, 'malformed_request', ['#/coupon']],
  [
    'an unknown field that JavaScript knows',
    '{"cart":true,"__proto__":{"admin":true}}',
    400,
    'malformed_request',
    ['#/__proto__'],
  ],
  ['a missing field', { items: [{ productId }] }, 400, 'malformed_request', ['#/items/0/quantity']],
  ['a value out of range', lines(0), 422, 'invalid_request', ['#/items/0/quantity']],
  ['a broken number', lines(1.5), 422, 'invalid_request', ['#/items/0/quantity']],
  [
    'an id that is none',
    { items: [{ productId: 'prd_1', quantity: 1 }] },
    422,
    'invalid_request',
    ['#/items/0/productId'],
  ],
  ['the same product twice', { items: [...lines(1).items, ...lines(1).items] }, 422, 'invalid_request', ['#/items']],
  ['a body of null', 'null', 400, 'malformed_request', ['#']],
])(
  'When a checkout comes with %s, then it is refused with a pointer and no handler runs',
  async (_what, body, status, code, pointers) => {
    const answer = await checkout(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((answer.body.errors ?? []).map((fault) => fault.pointer)).toEqual(pointers);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body.requestId).toBe('request-0001');
    expect(seen).toBeUndefined();
  },
);

test('When a body is too large, of another media type or missing, then 413, 415 and 400', async () => {
  const large = await checkout(JSON.stringify({ pad: 'x'.repeat(65_536) }));
  const form = await send('POST', '/v1/checkouts', {
    as: member,
    body: 'a=b',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'idempotency-key': 'k' },
  });
  const none = await send('POST', '/v1/checkouts', { as: member, headers: { 'idempotency-key': 'k' } });
  expect([large, form, none].map((answer) => [answer.status, answer.body.code])).toEqual([
    [413, 'body_too_large'],
    [415, 'unsupported_media_type'],
    [400, 'malformed_request'],
  ]);
});

const CODINGS = 'gzip, deflate, br';
test.each([
  ['POST', '/v1/checkouts', 'orders', 'accept-post', 'application/json'],
  ['PUT', `/v1/cart/items/${productId}`, 'carts', 'accept', 'application/json'],
  ['PATCH', `/v1/products/${productId}`, 'products', 'accept-patch', 'application/merge-patch+json, application/json'],
] as const)(
  'When a %s is refused for how its body is written, then 415 names what is taken, whatever it was',
  async (...row) => {
    const [method, path, service, header, taken] = row;
    const type = taken.split(',')[0];
    const refused = async (headers: Readonly<Record<string, string>>) => {
      const sent = { as: admin, service, body: '{}', headers: { 'idempotency-key': 'k', 'if-match': '*', ...headers } };
      const answer = await send(method, path, sent);
      return [answer.status, answer.body.code, answer.headers.get(header), answer.headers.get('accept-encoding')];
    };
    const told = [415, 'unsupported_media_type', taken, null];
    expect(await refused({ 'content-type': 'text/csv' })).toEqual(told);
    expect(await refused({ 'content-type': `${type}; charset=latin1` })).toEqual(told);
    expect(await refused({ 'content-type': `${type}; charset=utf-99` })).toEqual(told);
    expect(await refused({ 'content-type': `${type}`, 'content-encoding': 'compress' })).toEqual([
      ...told.slice(0, 3),
      CODINGS,
    ]);
    expect(seen).toBeUndefined();
  },
);

test('When the idempotency key is missing, too long or not ASCII, then 400', async () => {
  const missing = await checkout(lines(1), {});
  const long = await checkout(lines(1), { 'idempotency-key': 'k'.repeat(256) });
  const spaced = await checkout(lines(1), { 'idempotency-key': 'two words' });
  expect([missing, long, spaced].map((answer) => [answer.status, answer.body.code])).toEqual([
    [400, 'idempotency_key_missing'],
    [400, 'malformed_request'],
    [400, 'malformed_request'],
  ]);
});

test('When an operation without body gets one, then 400; an empty object is fine', async () => {
  const path = `/v1/checkouts/${orderId}/cancel`;
  const headers = { 'idempotency-key': 'k' };
  expect((await send('POST', path, { as: member, headers, body: {} })).status).toBe(200);
  expect((await send('POST', path, { as: member, headers })).status).toBe(200);
  expect((await send('POST', path, { as: member, headers, body: { reason: 'x' } })).status).toBe(400);
});

test('When nobody, a stranger or a member asks for what is not theirs, then 401 and 403', async () => {
  const path = `/v1/orders/${orderId}`;
  expect((await send('GET', path)).headers.get('www-authenticate')).toContain('invalid_token');
  const copied = await send('GET', path, { as: member, signedFor: `/v1/orders/${createId('ord')}` });
  const elsewhere = await send('GET', path, { as: member, service: 'payments' });
  const forged = await send('GET', path, { headers: { 'x-firstcome-principal': 'e30.e30.x' } });
  expect([copied.status, elsewhere.status, forged.status]).toEqual([401, 401, 401]);
  const product = { name: 'Shoe', type: 'NORMAL', price: 1 };
  const asMember = await send('POST', '/v1/products', { as: member, service: 'products', body: product });
  const asAdmin = await send('POST', '/v1/products', { as: admin, service: 'products', body: product });
  expect([asMember.status, asMember.body.code, asAdmin.status]).toEqual([403, 'forbidden', 200]);
});

test('When a path or method is not in the contract, then 404 or 405 with Allow', async () => {
  expect((await send('GET', '/v1/nothing')).status).toBe(404);
  expect((await send('GET', '/v1/orders/ord_1', { as: member })).body.code).toBe('not_found');
  const confirm = await send('GET', '/v1/payments/confirm');
  expect([confirm.status, confirm.headers.get('allow')]).toEqual([405, 'POST']);
  const products = await send('DELETE', '/v1/products');
  expect([products.status, products.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
});

test('When query parameters are unknown or out of range, then 400 and 422; a bad cursor has its own code', async () => {
  const ask = (query: string) => send('GET', `/v1/products?${query}`, { service: 'products' });
  expect((await ask('limit=5')).status).toBe(200);
  expect(seen?.query).toEqual({ limit: 5 });
  expect((await ask('color=red')).body.code).toBe('malformed_request');
  expect((await ask('limit=5&limit=6')).body.code).toBe('malformed_request');
  expect((await ask('limit=101')).body.code).toBe('invalid_request');
  expect((await ask(`cursor=${'x'.repeat(501)}`)).body.code).toBe('invalid_cursor');
});

test('When an operation without query parameters gets some, then 400 with a pointer and no handler runs; the provider may add its own', async () => {
  const cancel = { as: member, headers: { 'idempotency-key': 'k' } };
  const answers = [
    await send('GET', `/v1/orders/${orderId}?x=1`, { as: member }),
    await send('POST', `/v1/checkouts/${orderId}/cancel?x=1`, cancel),
    await send('POST', '/v1/checkouts?__proto__=1', { ...cancel, body: lines(1) }),
  ];
  expect(answers.map(({ status, body }) => [status, body.code, body.errors?.[0]?.pointer])).toEqual([
    [400, 'malformed_request', '#/x'],
    [400, 'malformed_request', '#/x'],
    [400, 'malformed_request', '#/__proto__'],
  ]);
  expect(seen).toBeUndefined();
  const hint = await send('POST', '/v1/webhooks/toss?attempt=2', { service: 'payments', body: {} });
  expect(hint.status).toBe(200);
});

test('When a cart item is deleted whose id is none of ours, then 404; one that may be is looked for', async () => {
  const remove = (id: string) => send('DELETE', `/v1/cart/items/${id}`, { as: member, service: 'carts' });
  expect((await remove('shoe')).body.code).toBe('not_found');
  expect((await remove(productId)).status).toBe(200);
});

test('When a store behind us is away, then 503 with Retry-After, as for a request under way, and no other 409; an unknown error is hidden behind 500', async () => {
  failure = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:3306'), { code: 'ECONNREFUSED' });
  const away = await send('GET', '/v1/products');
  failure = new Error('secret detail');
  const broken = await send('GET', '/v1/products');
  failure = new Problem('sold_out', { members: { final: false } });
  const refused = await send('GET', '/v1/products');
  failure = new Problem('request_in_progress');
  const busy = await send('GET', '/v1/products');
  expect([away.status, away.body.code, away.headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([409, '1']);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([409, null]);
  expect([broken.status, JSON.stringify(broken.body).includes('secret')]).toEqual([500, false]);
  expect(refused.body).toMatchObject({ type: 'urn:firstcome:problem:sold_out', status: 409, final: false });
});

test('When a merge patch arrives, then its media type is taken beside JSON', async () => {
  const path = `/v1/products/${productId}`;
  const patch = (type: string) =>
    send('PATCH', path, {
      as: admin,
      service: 'products',
      body: { closesAt: null },
      headers: { 'content-type': type },
    });
  expect((await patch('application/merge-patch+json')).status).toBe(200);
  expect((await patch('application/json')).status).toBe(200);
  expect((await patch('application/json-patch+json')).status).toBe(415);
});

test('When what arrives is not HTTP, then the connection ends and the server goes on', async () => {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write('NOT HTTP AT ALL\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve).resume());
  expect((await fetch(`${server.url}/livez`)).status).toBe(200);
});
