import { parseStaticRegistry, registryIndex } from '../../infra/registry/instance';
import { createRoster } from '../../infra/registry/watch';
import { startOwnRedis } from '../support/servers';
import { until } from '../support/until';
import { startEdge, TTL_MS } from './support/edge';

const instance = (instanceId: string, url = `http://${instanceId}:1`, startedAt = '2026-01-01T00:00:00.000Z') =>
  ({ service: 'orders', instanceId, url, startedAt }) as const;
const ids = (roster: ReturnType<typeof createRoster>) => roster.all().map(({ instanceId }) => instanceId);

test('When an instance is missing from lists for less than its TTL, then it stays; after that it goes', () => {
  const roster = createRoster(1_000);
  roster.read([instance('a'), instance('b')], 0);
  roster.read([instance('a')], 900);
  expect(ids(roster)).toEqual(['a', 'b']);
  roster.read([instance('a')], 1_100);
  expect(ids(roster)).toEqual(['a']);
});

test('When lists could not be read for long, then the absence of nobody counts', () => {
  const roster = createRoster(1_000);
  roster.read([instance('a')], 0);
  roster.pardon(60_000);
  roster.read([], 60_000);
  expect(ids(roster)).toEqual(['a']);
});

test('When a process comes back under the same address, then it replaces its predecessor', () => {
  const roster = createRoster(1_000);
  roster.see(instance('old', 'http://x:1'), 0);
  roster.see(instance('new', 'http://x:1', '2026-01-01T00:00:01.000Z'), 10);
  expect(ids(roster)).toEqual(['new']);
});

test('When the list is fixed, then services may have several addresses; nonsense is refused', () => {
  expect(parseStaticRegistry('orders=http://a:1|http://b:2,payments=http://c:3/')).toMatchObject([
    { service: 'orders', url: 'http://a:1' },
    { service: 'orders', url: 'http://b:2' },
    { service: 'payments', url: 'http://c:3' },
  ]);
  expect(() => parseStaticRegistry('nothing=http://a:1')).toThrow('REGISTRY_STATIC');
  expect(() => parseStaticRegistry('orders')).toThrow('REGISTRY_STATIC');
});

test('When Redis is wiped, then down, then back empty, then the gateway serves all the while and the list fills again', async () => {
  const redis = await startOwnRedis();
  const edge = await startEdge({ redisUrl: redis.url });
  try {
    await edge.startStandIn(['products']);
    const { url } = await edge.startGateway();
    const ask = async () => (await fetch(`${url}/v1/products`)).status;
    const askFor = async (ms: number) => {
      const end = Date.now() + ms;
      const statuses = new Set<number>();
      while (Date.now() < end) statuses.add(await ask());
      return [...statuses];
    };
    await until(async () => (await ask()) === 200, { within: 5_000, what: 'products is routed' });
    const { Redis } = await import('ioredis');
    const own = new Redis(redis.url);
    own.on('error', () => undefined);
    await own.flushall();
    expect(await askFor(TTL_MS + 500)).toEqual([200]);
    expect(await own.scard(registryIndex(edge.shop))).toBe(1);
    await own.flushall();
    await redis.stop();
    expect(await askFor(TTL_MS * 2)).toEqual([200]);
    await redis.start();
    expect(await askFor(TTL_MS * 2)).toEqual([200]);
    await until(async () => (await own.scard(registryIndex(edge.shop))) === 1, {
      within: 5_000,
      what: 'registered again',
    });
    own.disconnect();
  } finally {
    await edge.stop();
    await redis.destroy();
  }
});
