import { createLogger } from '../../infra/process/logger';
import { createReleasers } from '../../infra/process/releasers';
import { CHECKOUT, connectRedis, connectSubscriber } from '../../infra/redis/connection';
import { parseStaticRegistry, registryIndex } from '../../infra/registry/instance';
import { register } from '../../infra/registry/registration';
import { createRoster, watchRegistry } from '../../infra/registry/watch';
import { startOwnRedis, testServers, uniqueName } from '../support/servers';
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

/** A shop of its own whose heartbeats are far apart: what is known is known from the first word. */
function createEarly(url: string) {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const [redis, subscriber] = [connectRedis(url, CHECKOUT), connectSubscriber(url)];
  const common = { redis, shop: uniqueName('early'), ttlMs: 600_000, onError };
  const releasers = createReleasers(createLogger('test', 'silent'));
  releasers.add('connections', () => [redis, subscriber].forEach((each) => void each.disconnect()));
  return {
    redis,
    errors,
    isKnown: async (): Promise<boolean> => (await redis.scard(registryIndex(common.shop))) === 1,
    async register() {
      const instance = { services: ['carts'], instanceId: 'a', url: 'http://127.0.0.1:1' } as const;
      const registration = await register({ ...common, ...instance });
      releasers.add('registration', () => registration.goodbye());
      return registration;
    },
    async watch() {
      const list = await watchRegistry({ ...common, subscriber });
      releasers.add('list', () => list.stop());
      return list;
    },
    release: () => releasers.releaseAll(),
  };
}

test('When a process registers and a gateway looks before their connections are there, then both know at once', async () => {
  const early = createEarly(testServers().redis);
  try {
    expect(early.redis.status).not.toBe('ready');
    const [list] = await Promise.all([early.watch(), early.register()]);
    await until(() => list.of('carts').length === 1, { within: 5_000, what: 'the instance to be known' });
    expect(early.errors).toEqual([]);
  } finally {
    await early.release();
  }
});

test('When a process starts while Redis is down, then it serves, and is registered as soon as Redis is back', async () => {
  const server = await startOwnRedis();
  await server.stop();
  const early = createEarly(server.url);
  try {
    const registration = await early.register();
    expect(early.errors).toHaveLength(1);
    await server.start();
    await until(early.isKnown, { within: 10_000, what: 'the instance to be registered' });
    await registration.goodbye();
    expect(await early.isKnown()).toBe(false);
  } finally {
    await early.release();
    await server.destroy();
  }
});
