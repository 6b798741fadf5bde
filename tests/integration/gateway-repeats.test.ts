/** What the gateway sends again after an instance broke under it: nothing whose effect could happen twice. */
import { createId } from '../../domain/ids';
import { createAccessTokenSigner } from '../../infra/http/access-token';
import { testServers } from '../support/servers';
import { until } from '../support/until';
import { type Edge, type StandIn, startEdge } from './support/edge';

let edge: Edge;
let gateway: string;
let token: string;
let instances: StandIn[] = [];

beforeEach(async () => {
  edge = await startEdge({ redisUrl: testServers().redis });
  instances = await Promise.all([edge.startStandIn(['payments']), edge.startStandIn(['payments'])]);
  gateway = (await edge.startGateway()).url;
  const signer = createAccessTokenSigner(JSON.stringify(edge.keys.privateJwk), 60);
  token = await signer.sign({ memberId: createId('mem'), sessionId: createId('ses'), role: 'MEMBER' });
  await until(isServedByBoth, { within: 5_000, what: 'both instances serve' });
});
afterEach(() => edge.stop());

async function isServedByBoth(): Promise<boolean> {
  for (let i = 0; i < 4; i += 1) await ask('GET', '/v1/payments');
  return instances.every(({ seen }) => seen.some((line) => line.startsWith('GET ')));
}

/** How often instances have begun a request. */
const begun = (method: string, path: string): number =>
  instances.flatMap(({ seen }) => seen).filter((line) => line.startsWith(`${method} ${path} `)).length;

function ask(method: string, path: string, headers: Record<string, string> = {}, body?: object): Promise<Response> {
  return fetch(gateway + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}
/** An instance that gets this dies of it, without an answer. */
const DEADLY = { prefer: 'die' };

test('When an operation without keys is sent with an Idempotency-Key, then the header does not make it safe: sent once', async () => {
  const body = { orderId: createId('ord') };
  const answer = await ask('POST', '/v1/payments', { ...DEADLY, 'idempotency-key': 'k' }, body);
  expect(answer.status).toBe(502);
  // The other instance is alive and would have been sent it.
  expect((await ask('GET', '/v1/payments')).status).toBe(200);
  expect(begun('POST', '/v1/payments')).toBe(1);
});

test('When an operation that takes a key has one, then it is sent again, once', async () => {
  const body = { orderId: createId('ord'), paymentKey: 'p', amount: 1_000 };
  const answer = await ask('POST', '/v1/payments/confirm', { ...DEADLY, 'idempotency-key': 'k' }, body);
  expect(answer.status).toBe(502);
  await until(() => begun('POST', '/v1/payments/confirm') === 2, { within: 2_000, what: 'it was begun on both' });
});

test('When a read breaks, then it is sent again, once', async () => {
  const before = begun('GET', '/v1/payments');
  expect((await ask('GET', '/v1/payments?cursor=die')).status).toBe(502);
  await until(() => begun('GET', '/v1/payments') === before + 2, { within: 2_000, what: 'it was begun on both' });
});
