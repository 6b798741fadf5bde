import type { KeyObject } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { SignJWT } from 'jose';
import { createId } from '../../domain/ids';
import { TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_TYPE } from '../../infra/http/access-token';
import { startOwnRedis, testServers } from '../support/servers';
import { until } from '../support/until';
import { type Edge, type StandIn, startEdge } from './support/edge';

interface Echo {
  readonly operation: string;
  readonly principal: { readonly memberId: string; readonly role: string; readonly sessionId: string } | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly code?: string;
}

let edge: Edge;
let gateway: string;
let service: StandIn;

beforeAll(async () => {
  edge = await startEdge({ redisUrl: testServers().redis });
  await edge.startMembers();
  service = await edge.startStandIn(['products', 'orders', 'payments', 'carts']);
  gateway = (await edge.startGateway()).url;
  await until(async () => (await fetch(`${gateway}/readyz`)).ok, { within: 5_000, what: 'gateway is ready' });
});
afterAll(() => edge.stop());

async function send(path: string, init: RequestInit = {}, base = gateway) {
  const response = await fetch(base + path, init);
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : { text }) as Echo };
}
const bearer = (token: string, headers: Record<string, string> = {}) => ({
  headers: { authorization: `Bearer ${token}`, ...headers },
});
const json = (method: string, body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

async function logIn(base = gateway): Promise<{ memberId: string; accessToken: string; refreshToken: string }> {
  const credentials = { username: createId('mem').slice(4), password: 'correct horse battery' };
  const member = (await send('/v1/members', json('POST', credentials), base)).body as unknown as { memberId: string };
  const tokens = (await send('/v1/sessions', json('POST', credentials), base)).body as unknown as {
    accessToken: string;
    refreshToken: string;
  };
  return { ...member, ...tokens };
}

/** A token signed with the right key that differs from a good one as asked. */
function forge(
  change: { readonly [claim: string]: unknown },
  header: object = {},
  key: unknown = edge.keys.privateKey,
) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: TOKEN_ISSUER,
    aud: TOKEN_AUDIENCE,
    sub: createId('mem'),
    sid: createId('ses'),
    role: 'MEMBER',
    jti: 'j',
    iat: now,
    exp: now + 60,
    ...change,
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: TOKEN_TYPE, kid: 'test', ...header })
    .sign(key as KeyObject);
}

test('When a member asks, then the service sees a signed principal and nothing a client says of itself', async () => {
  const { accessToken, memberId } = await logIn();
  const { status, body, headers } = await send(
    '/v1/cart',
    bearer(accessToken, {
      'x-firstcome-principal': 'forged',
      'x-forwarded-for': '1.2.3.4',
      cookie: 'a=b',
      'request-id': 'mine-12345',
      'x-custom': 'kept',
    }),
  );
  expect(status).toBe(200);
  expect(body.principal).toMatchObject({ memberId, role: 'MEMBER' });
  expect(Object.keys(body.headers)).not.toEqual(expect.arrayContaining(['authorization']));
  expect(Object.keys(body.headers)).not.toEqual(expect.arrayContaining(['cookie']));
  expect(body.headers['x-forwarded-for']).toBeUndefined();
  expect(body.headers['x-custom']).toBe('kept');
  expect(body.headers['request-id']).toBe(headers.get('request-id'));
  expect(headers.get('request-id')).not.toBe('mine-12345');
  expect(headers.get('ratelimit-policy')).toContain('w=60');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-powered-by')).toBeNull();
});

test('When a token is none of ours, then 401, whatever trick it is', async () => {
  const now = Math.floor(Date.now() / 1000);
  const publicBytes = Buffer.from(JSON.stringify(edge.keys.publicJwk));
  const tokens = {
    none: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"x"}').toString('base64url')}.`,
    'HS256 with the public key': await forge({}, { alg: 'HS256' }, publicBytes),
    'no exp': await forge({ exp: undefined }),
    'no jti': await forge({ jti: undefined }),
    expired: await forge({ exp: now - 1 }),
    'another audience': await forge({ aud: 'other' }),
    'another issuer': await forge({ iss: 'other' }),
    'another type': await forge({}, { typ: 'JWT' }),
    'unknown kid': await forge({}, { kid: 'other' }),
    'a role there is not': await forge({ role: 'ROOT' }),
    'no role': await forge({ role: undefined }),
    garbage: 'a.b.c',
    'too long': `a.${'b'.repeat(3_000)}.c`,
  };
  for (const [trick, token] of Object.entries(tokens)) {
    const { status, body, headers } = await send('/v1/cart', bearer(token));
    expect({ trick, status, code: body.code }).toEqual({ trick, status: 401, code: 'unauthorized' });
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
  }
  expect((await send('/v1/cart')).status).toBe(401);
  expect((await send('/v1/cart', { headers: { authorization: 'Basic YTpi' } })).status).toBe(401);
  expect((await send('/v1/cart', bearer(await forge({})))).status).toBe(200);
});

test('When a public operation comes with a bad token, then it is served as to anybody', async () => {
  const { status, body } = await send('/v1/products', bearer('a.b.c'));
  expect([status, body.principal]).toEqual([200, null]);
});

test('When a member logs out, then this token is refused at once, also by a gateway that had remembered it', async () => {
  const other = (await edge.startGateway()).url;
  const { accessToken, refreshToken } = await logIn();
  expect((await send('/v1/cart', bearer(accessToken), other)).status).toBe(200);
  expect((await send('/v1/sessions/current', { method: 'DELETE', ...bearer(accessToken) })).status).toBe(204);
  expect((await send('/v1/cart', bearer(accessToken))).status).toBe(401);
  await until(async () => (await send('/v1/cart', bearer(accessToken), other)).status === 401, {
    within: 500,
    what: 'the other gateway heard',
  });
  expect((await send('/v1/sessions/refresh', json('POST', { refreshToken }))).body.code).toBe('invalid_credentials');
});

test('When MariaDB says that older tokens of a member are void, then gateways refuse them within seconds', async () => {
  const { accessToken, memberId } = await logIn();
  expect((await send('/v1/cart', bearer(accessToken))).status).toBe(200);
  await edge.database.source.query('UPDATE members SET tokens_valid_after = ? WHERE id = ?', [new Date(), memberId]);
  await until(async () => (await send('/v1/cart', bearer(accessToken))).status === 401, {
    within: 4_000,
    what: 'the token is void',
  });
});

test("When a path is not in the contract, then 404, and services' own paths are never routed", async () => {
  for (const path of ['/metrics', '/v1/metrics', '/sandbox/ledger', '/v1/orders/', '/V1/products', '/']) {
    expect({ path, status: (await send(path)).status }).toEqual({ path, status: 404 });
  }
  const wrong = await send('/v1/checkouts');
  expect([wrong.status, wrong.headers.get('allow'), wrong.body.code]).toEqual([405, 'POST', 'method_not_allowed']);
  expect((await send('/livez')).status).toBe(200);
});

test('When an admin asks for the registry, then nobody keeps the answer, and unknown parameters are refused', async () => {
  const token = await forge({ role: 'ADMIN' });
  const registry = await send('/v1/registry', bearer(token));
  const cart = await send('/v1/cart', bearer(token));
  expect([registry.status, registry.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(registry.headers.get('cache-control')).toBe(cart.headers.get('cache-control'));
  const odd = await send('/v1/registry?color=red', bearer(token));
  expect([odd.status, odd.body.code]).toEqual([400, 'malformed_request']);
});

test('When a body is too large, then 413 before any service sees it; one just below passes unparsed', async () => {
  const { accessToken } = await logIn();
  const before = service.seen.length;
  const post = (bytes: number) =>
    send('/v1/checkouts', {
      ...json('POST', { pad: 'x'.repeat(bytes) }, { authorization: `Bearer ${accessToken}`, 'idempotency-key': 'k' }),
    });
  expect((await post(70_000)).status).toBe(413);
  expect(service.seen.length).toBe(before);
  // Refused by the service's schema, so it arrived.
  expect((await post(60_000)).body.code).toBe('malformed_request');
});

test('When a client follows a stream, then events come at once, and its leaving ends the stream in the service', async () => {
  const { accessToken } = await logIn();
  const path = `/v1/checkouts/${createId('ord')}/events`;
  const leaving = new AbortController();
  const response = await fetch(gateway + path, { ...bearer(accessToken), signal: leaving.signal });
  const reader = response.body?.getReader();
  const first = await reader?.read();
  expect(Buffer.from(first?.value ?? []).toString()).toContain('event: status');
  leaving.abort();
  const id = response.headers.get('request-id');
  await until(() => service.seen.includes(`aborted ${id}`), { within: 3_000, what: 'the service noticed' });
  expect((await send(path)).status).toBe(401);
});

test('When a stream is opened with a ticket, then the service judges it, without a principal', async () => {
  const path = `/v1/checkouts/${createId('ord')}/events?ticket=t`;
  const leaving = new AbortController();
  const response = await fetch(gateway + path, { signal: leaving.signal });
  expect(response.status).toBe(200);
  leaving.abort();
});

test('When two messages are smuggled into one, then the second is never served', async () => {
  const { port } = new URL(gateway);
  const socket = connect(Number(port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(
    'POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/products HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  await closed;
  expect(text).not.toContain('200 OK');
});

test('When a client names headers in Connection, then they end at the gateway', async () => {
  const body = await new Promise<string>((resolve, reject) => {
    const request = httpRequest(
      `${gateway}/v1/products`,
      { headers: { connection: 'keep-alive, x-private', 'x-private': 'secret' } },
      async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve(text);
      },
    );
    request.on('error', reject).end();
  });
  expect(body).not.toContain('secret');
});

test('When nobody can say whether a token was revoked, then writes get 503, reads go on', async () => {
  const redis = await startOwnRedis();
  const cut = await startEdge({ redisUrl: redis.url });
  try {
    await cut.startMembers();
    await cut.startStandIn(['carts']);
    const { url, source } = await cut.startGateway();
    await until(async () => (await send('/v1/sessions', json('POST', {}), url)).status === 400, {
      within: 5_000,
      what: 'members is routed',
    });
    const { accessToken } = await logIn(url);
    expect((await send('/v1/cart', bearer(accessToken), url)).status).toBe(200);
    await source.destroy();
    await redis.stop();
    const write = () =>
      send(
        `/v1/cart/items/${createId('prd')}`,
        json('PUT', { quantity: 1 }, { authorization: `Bearer ${accessToken}` }),
        url,
      );
    await until(async () => (await write()).status === 503, { within: 12_000, what: 'writes are refused' });
    expect((await send('/v1/cart', bearer(accessToken), url)).status).toBe(200);
  } finally {
    await cut.stop();
    await redis.destroy();
  }
});
