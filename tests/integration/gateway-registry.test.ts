import { createId } from '../../domain/ids';
import { createAccessTokenSigner } from '../../infra/http/access-token';
import { testServers } from '../support/servers';
import { until } from '../support/until';
import { type Edge, type StandIn, startEdge } from './support/edge';

let edge: Edge;
let gateway: string;
let instances: StandIn[] = [];

beforeEach(async () => {
  edge = await startEdge({ redisUrl: testServers().redis });
  instances = await Promise.all([edge.startStandIn(['products']), edge.startStandIn(['products'])]);
  gateway = (await edge.startGateway()).url;
  await until(async () => (await servedBy(40)).size === 2, { within: 5_000, what: 'both instances serve' });
});
afterEach(() => edge.stop());

async function servedBy(count: number): Promise<Set<number>> {
  const answers = await Promise.all(
    Array.from(
      { length: count },
      async () => (await fetch(`${gateway}/v1/products`)).json() as Promise<{ pid: number }>,
    ),
  );
  return new Set(answers.map(({ pid }) => pid));
}

/** Reads as fast as 20 clients can until told to stop; answers how many went well and every failure. */
function startLoad() {
  let isOver = false;
  let served = 0;
  const failures: string[] = [];
  const client = async () => {
    while (!isOver) {
      try {
        const response = await fetch(`${gateway}/v1/products`);
        const text = await response.text();
        if (response.status === 200) served += 1;
        else failures.push(`${response.status} ${text}`);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = Array.from({ length: 20 }, client);
  return {
    served: () => served,
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
      return { served, failures };
    },
  };
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'When an instance gets %s under reads, then no request fails',
  async (signal) => {
    const load = startLoad();
    await until(() => load.served() > 300, { within: 60_000, what: 'load is running' });
    const [victim] = instances;
    victim?.kill(signal);
    await victim?.exited;
    const before = load.served();
    await until(() => load.served() > before + 500, { within: 60_000, what: 'load goes on' });
    const { failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(await servedBy(20)).toEqual(new Set([instances[1]?.pid]));
  },
  // How fast the load goes is the machine's affair; that nothing fails is ours.
  180_000,
);

test('When an instance says goodbye, then its requests under way still end well', async () => {
  const slow = Array.from({ length: 10 }, () => fetch(`${gateway}/v1/products?cursor=wait-800`));
  await until(() => instances.flatMap(({ seen }) => seen).length >= 50, { within: 5_000, what: 'slow requests begun' });
  for (const instance of instances) instance.kill('SIGTERM');
  const statuses = await Promise.all(slow.map(async (each) => (await each).status));
  expect(statuses).toEqual(Array(10).fill(200));
  await Promise.all(instances.map(({ exited }) => exited));
  expect((await fetch(`${gateway}/v1/products`)).status).toBe(503);
});

test('When a write breaks without an answer, then it is repeated only with an Idempotency-Key', async () => {
  const token = await adminToken();
  const post = (path: string, headers: Record<string, string>, body: object) =>
    fetch(gateway + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'die', ...headers },
      body: JSON.stringify(body),
    });
  const begun = () => instances.flatMap(({ seen }) => seen).filter((line) => line.startsWith('POST')).length;
  const without = await post('/v1/products', {}, { name: 'Shoe', type: 'NORMAL', price: 1 });
  expect(without.status).toBe(502);
  await until(() => begun() === 1, { within: 2_000, what: 'the write was begun once' });
  await post(`/v1/products/${createId('prd')}/restocks`, { 'idempotency-key': 'k' }, { quantity: 1 });
  // The first died of the write above; the other got this one. Nobody is left to repeat it on.
  await until(() => begun() === 2, { within: 2_000, what: 'the second write was begun' });
  instances.push(await edge.startStandIn(['products']), await edge.startStandIn(['products']));
  await until(async () => (await servedBy(20)).size === 2, { within: 5_000, what: 'two new instances serve' });
  await post(`/v1/products/${createId('prd')}/restocks`, { 'idempotency-key': 'k' }, { quantity: 1 });
  await until(() => begun() === 4, { within: 2_000, what: 'the third write was begun on both' });
});

test('When an admin asks for the registry, then the instances are shown; a member is refused', async () => {
  const ask = async (role: 'ADMIN' | 'MEMBER') =>
    fetch(`${gateway}/v1/registry`, { headers: { authorization: `Bearer ${await adminToken(role)}` } });
  const shown = (await (await ask('ADMIN')).json()) as { items: { url: string; service: string }[] };
  expect(shown.items.map(({ url }) => url).sort()).toEqual(instances.map(({ url }) => url).sort());
  expect((await ask('MEMBER')).status).toBe(403);
});

/** Signed with the right key, for a session that is in MariaDB. */
async function adminToken(role: 'ADMIN' | 'MEMBER' = 'ADMIN'): Promise<string> {
  const signer = createAccessTokenSigner(JSON.stringify(edge.keys.privateJwk), 60);
  return signer.sign({ memberId: createId('mem'), sessionId: createId('ses'), role });
}
