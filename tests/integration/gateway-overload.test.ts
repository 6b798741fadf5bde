/** A gateway whose services are slow: who stands in line, for how long, and who is turned away. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { decodeJwt } from 'jose';
import { createId } from '../../domain/ids';
import { PRINCIPAL_HEADER } from '../../domain/names';
import { createAccessTokenSigner } from '../../infra/http/access-token';
import { testServers } from '../support/servers';
import { until } from '../support/until';
import { type Edge, type EdgeOptions, type StandIn, startEdge } from './support/edge';

let edge: Edge;
let gateway: string;
let service: StandIn;
const signToken = async (role: 'MEMBER' | 'ADMIN' = 'MEMBER'): Promise<string> => {
  const signer = createAccessTokenSigner(JSON.stringify(edge.keys.privateJwk), 60);
  return signer.sign({ memberId: createId('mem'), sessionId: createId('ses'), role });
};

async function start(limits: EdgeOptions['gateway']): Promise<void> {
  edge = await startEdge({ redisUrl: testServers().redis, gateway: limits });
  service = await edge.startStandIn(['orders']);
  gateway = (await edge.startGateway()).url;
}
afterEach(() => edge.stop());

const ask = (path: string, init: RequestInit & { token: string }): Promise<Response> =>
  fetch(gateway + path, { ...init, headers: { authorization: `Bearer ${init.token}`, ...init.headers } });
const begun = (path: string): number => service.seen.filter((line) => line.startsWith(`GET ${path} `)).length;

const registered = async () => {
  const answer = await ask('/v1/registry', { token: await signToken('ADMIN') });
  const { items } = (await answer.json()) as { items: { service: string; inFlight: number }[] };
  return items.filter(({ service: name }) => name === 'orders');
};
const instances = async (): Promise<number> => (await registered()).length;
/** Requests on their way to the service and in line, as the gateway counts them. */
const inFlight = async (): Promise<number> => (await registered()).reduce((sum, item) => sum + item.inFlight, 0);
/** Takes the only connection; resolves when it has it, with what resolves when it is free again. */
async function occupy(token: string, ms: number): Promise<{ readonly done: Promise<Response> }> {
  const path = `/v1/orders?cursor=wait-${ms}`;
  const done = ask(path, { token });
  await until(() => begun('/v1/orders') > 0, { within: 5_000, what: 'the slow request is being answered' });
  return { done };
}
const openStream = (token: string, signal: AbortSignal): Promise<Response> =>
  ask(`/v1/checkouts/${createId('ord')}/events`, { token, signal });
const checkout = (token: string, prefer: string): Promise<Response> =>
  ask('/v1/checkouts', {
    token,
    method: 'POST',
    headers: { prefer, 'idempotency-key': createId('evt'), 'content-type': 'application/json' },
    body: JSON.stringify({ items: [{ productId: createId('prd'), quantity: 1 }] }),
  });

test('When a line does not move, then who stood in it for long is told to come again, and was never sent', async () => {
  await start({ GATEWAY_CONNECTIONS: 1, GATEWAY_LINE_WAIT_MS: 100 });
  const token = await signToken();
  const { done } = await occupy(token, 5_000);

  const late = await ask('/v1/orders', { token });

  expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await late.json()).toMatchObject({ code: 'unavailable' });
  expect((await done).status).toBe(200);
  expect((await ask('/v1/orders', { token })).status).toBe(200);
  expect(begun('/v1/orders')).toBe(2);
});

test('When a request broke on one instance and does not get into the line of the other, then it is not said that it was not begun', async () => {
  await start({ GATEWAY_CONNECTIONS: 1, GATEWAY_LINE_WAIT_MS: 100 });
  const token = await signToken();
  await edge.startStandIn(['orders']);
  await until(async () => (await instances()) === 2, { within: 5_000, what: 'both instances are known' });
  const done = ask('/v1/orders?cursor=wait-5000', { token });
  await until(async () => (await inFlight()) === 1, { within: 5_000, what: 'one instance is busy' });

  // The idle one is chosen, and dies of it.
  const broken = await ask('/v1/orders?cursor=die', { token });

  expect(broken.status).toBe(502);
  expect(await broken.json()).toMatchObject({ code: 'bad_gateway' });
  expect((await done).status).toBe(200);
});

test('When the line is full, then the next one is told so at once', async () => {
  await start({ GATEWAY_CONNECTIONS: 1, GATEWAY_LINE_MAX: 2 });
  const token = await signToken();
  const { done } = await occupy(token, 5_000);
  const inLine = ask('/v1/orders', { token });
  await until(async () => (await inFlight()) === 2, { within: 5_000, what: 'it stands in line' });

  const refused = await ask('/v1/orders', { token });

  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect([(await done).status, (await inLine).status]).toEqual([200, 200]);
});

test('When a request has stood in line, then its principal is as young as its sending', async () => {
  await start({ GATEWAY_CONNECTIONS: 1 });
  const token = await signToken();
  const { done } = await occupy(token, 3_000);
  const cameAt = Date.now();

  const { headers } = (await (await ask('/v1/orders', { token })).json()) as { headers: Record<string, string> };
  await done;

  expect(decodeJwt(headers[PRINCIPAL_HEADER] ?? '').iat).toBeGreaterThanOrEqual(cameAt / 1_000 + 1);
});

test('When a client leaves the line, then its request is never sent', async () => {
  await start({ GATEWAY_CONNECTIONS: 1 });
  const token = await signToken();
  const { done } = await occupy(token, 5_000);
  const leaving = new AbortController();
  const left = ask('/v1/orders', { token, signal: leaving.signal });
  await until(async () => (await inFlight()) === 2, { within: 5_000, what: 'it stands in line' });
  leaving.abort();
  await expect(left).rejects.toThrow('abort');
  // Nor does it fill the line any longer.
  await until(async () => (await inFlight()) === 1, { within: 2_000, what: 'it is not counted' });

  await done;
  expect((await ask('/v1/orders', { token })).status).toBe(200);
  expect(begun('/v1/orders')).toBe(2);
});

test('When an answer is waited for on purpose, then it keeps nobody else from being served', async () => {
  await start({ GATEWAY_CONNECTIONS: 1 });
  const token = await signToken();
  let hasEnded = false;
  const waiting = checkout(token, 'wait=3').finally(() => {
    hasEnded = true;
  });
  await until(() => service.seen.some((line) => line.startsWith('POST ')), { within: 5_000, what: 'it is waited for' });

  expect((await ask('/v1/orders', { token })).status).toBe(200);
  expect(hasEnded).toBe(false);
  expect((await waiting).status).toBe(200);
});

test('When a client asks for streams in advance on one connection and leaves, then none of its places is kept', async () => {
  await start({ GATEWAY_STREAMS_PER_CLIENT: 2 });
  const token = await signToken();
  const { hostname, port } = new URL(gateway);
  const head = `HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`;
  const pipelined = Array.from({ length: 4 }, () => `GET /v1/checkouts/${createId('ord')}/events ${head}`).join('');
  const socket = connect(Number(port), hostname, () => socket.write(pipelined));
  await once(socket, 'data');
  const leaving = new AbortController();
  try {
    // One is begun, the others have not had their turn.
    expect((await openStream(token, leaving.signal)).status).toBe(200);
    expect((await openStream(token, leaving.signal)).status).toBe(429);
    socket.destroy();
    const isLetIn = async () => (await openStream(token, leaving.signal)).status === 200;
    await until(isLetIn, { within: 5_000, what: 'the place is free again' });
  } finally {
    leaving.abort();
  }
});

test('When the order in the path of a ticket is spelled otherwise, then it is the same order', async () => {
  await start({ GATEWAY_STREAMS_PER_CLIENT: 1 });
  const orderId = createId('ord');
  const leaving = new AbortController();
  const open = (spelled: string) =>
    fetch(`${gateway}/v1/checkouts/${spelled}/events?ticket=any`, { signal: leaving.signal });
  try {
    expect((await open(orderId)).status).toBe(200);
    expect((await open(orderId.replace('o', '%6f'))).status).toBe(429);
  } finally {
    leaving.abort();
  }
});

test('When a member has many streams open, then one more is refused, to this member only, until one is closed', async () => {
  await start({ GATEWAY_STREAMS_PER_CLIENT: 2 });
  const [token, other] = [await signToken(), await signToken()];
  const leaving = new AbortController();
  const staying = new AbortController();
  try {
    expect((await openStream(token, leaving.signal)).status).toBe(200);
    expect((await openStream(token, staying.signal)).status).toBe(200);

    const refused = await openStream(token, staying.signal);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited' });
    expect((await checkout(token, 'wait=1')).status).toBe(429);
    // Nothing is waited for here, and what an operation does not read it need not fear.
    expect((await checkout(token, 'return=minimal')).status).toBe(200);
    expect((await ask('/v1/orders', { token, headers: { prefer: 'wait=1' } })).status).toBe(200);
    expect((await ask('/v1/orders', { token })).status).toBe(200);
    expect((await openStream(other, staying.signal)).status).toBe(200);

    leaving.abort();
    const isLetIn = async () => (await openStream(token, staying.signal)).status === 200;
    await until(isLetIn, { within: 5_000, what: 'the place is free again' });
  } finally {
    staying.abort();
  }
});
