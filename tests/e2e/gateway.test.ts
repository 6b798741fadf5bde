/** The door of the running system: contract, pages, errors, registry. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { createId } from '../../domain/ids';
import { operations } from '../../domain/operations';
import { createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

interface ProblemBody {
  readonly code: string;
  readonly type: string;
  readonly requestId: string;
}

let system: System;
let shop: Shop;
let at: (path: string) => string;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  at = (path) => system.addresses.gateway + path;
});
afterAll(() => system.close());

const fill = (path: string): string =>
  path
    .replace('{orderId}', createId('ord'))
    .replace('{productId}', createId('prd'))
    .replace('{paymentId}', createId('pay'))
    .replace('{refundId}', createId('rfd'));

test.each(operations.filter(({ access }) => access !== 'public').map((each) => [each.id, each] as const))(
  'When %s is asked for without a token, then 401, and as a member where it is for admins, 403',
  async (_id, { method, path, access }) => {
    const ask = (token?: string) => send<ProblemBody>(method.toUpperCase(), at(fill(path)), token ? { token } : {});
    const nobody = await ask();
    expect([nobody.status, nobody.body.code, nobody.body.type]).toEqual([
      401,
      'unauthorized',
      'urn:firstcome:problem:unauthorized',
    ]);
    expect(nobody.headers.get('request-id')).toBe(nobody.body.requestId);
    if (access !== 'admin') return;
    const { token } = await shop.signUp();
    expect((await ask(token)).body.code).toBe('forbidden');
  },
);

test.each(operations.map((each) => [each.id, each] as const))(
  'When the path of %s is used with another method, then 405 with Allow',
  async (_id, { path }) => {
    const answer = await send<ProblemBody>('OPTIONS', at(fill(path)));
    const methods = operations.filter((each) => each.path === path).map((each) => each.method.toUpperCase());
    expect([answer.status, answer.body.code]).toEqual([405, 'method_not_allowed']);
    expect(answer.headers.get('allow')?.split(', ')).toEqual(expect.arrayContaining(methods));
  },
);

test('When a token is checked by the published keys, then it verifies: anybody can', async () => {
  const { token, memberId } = await shop.signUp();
  const keys = (await (await fetch(at('/.well-known/jwks.json'))).json()) as JSONWebKeySet;
  expect(JSON.stringify(keys)).not.toContain('"d"');
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys));
  expect(payload.sub).toBe(memberId);
});

test('When the contract is asked for, then it is there for programs and people', async () => {
  const openApi = (await (await fetch(at('/openapi.json'))).json()) as {
    openapi: string;
    servers: object[];
    paths: object;
  };
  expect(openApi.openapi).toBe('3.1.0');
  expect(openApi.servers).toEqual([{ url: system.addresses.gateway }]);
  expect(Object.keys(openApi.paths).sort()).toEqual([...new Set(operations.map(({ path }) => path))].sort());
  const docs = await (await fetch(at('/docs'))).text();
  expect(docs).toContain('swagger-initializer.js');
  expect((await fetch(at('/problems/sold_out'))).status).toBe(200);
  expect((await fetch(at('/problems/nonsense'))).status).toBe(404);
});

test('When the inside is asked for, then 404: neither metrics nor services are reachable by this door', async () => {
  for (const path of ['/metrics', '/v1/metrics', '/sandbox/ledger', '/v1/../metrics', '//metrics']) {
    expect({ path, status: (await fetch(at(path))).status }).toEqual({ path, status: 404 });
  }
  expect((await fetch(at('/livez'))).status).toBe(200);
  expect((await fetch(at('/readyz'))).status).toBe(200);
});

test('When an admin asks for the registry, then every service has a live instance', async () => {
  const { status, body } = await send<{ items: { service: string; url: string }[] }>('GET', at('/v1/registry'), {
    token: await shop.admin(),
  });
  expect(status).toBe(200);
  expect(new Set(body.items.map(({ service }) => service))).toEqual(
    new Set(['members', 'carts', 'products', 'orders', 'payments']),
  );
});

test('When a service is spoken to past the gateway, then it takes nobody at their word', async () => {
  const { body } = await send<{ items: { service: string; url: string }[] }>('GET', at('/v1/registry'), {
    token: await shop.admin(),
  });
  const carts = body.items.find(({ service }) => service === 'carts')?.url ?? '';
  const { token } = await shop.signUp();
  expect((await send('GET', `${carts}/v1/cart`, { token })).status).toBe(401);
});
