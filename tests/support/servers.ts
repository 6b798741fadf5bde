/** Addresses of the servers this run uses, and small ways to have something of one's own on them. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createPart } from '../../stack/launcher/part';
import type { TestServers } from '../../stack/launcher/test-servers';
import { redisSpec } from '../../stack/servers/redis';

export const SERVERS_VARIABLE = 'FIRSTCOME_TEST_SERVERS';

/** @throws when this run has no servers: unit tests need none and get none */
export function testServers(): TestServers {
  const text = process.env[SERVERS_VARIABLE];
  if (!text) throw new Error('this test needs servers, and the run has none');
  return JSON.parse(text) as TestServers;
}

/** A name nobody else uses, of letters and digits. */
export const uniqueName = (prefix: string): string => `${prefix}${randomBytes(6).toString('hex')}`;

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** A shop of its own on the shared Redis: own key prefix, own connection. */
export function testRedis() {
  const url = testServers().redis;
  const redis = new Redis(url);
  return { url, redis, shop: uniqueName('t'), close: () => redis.disconnect() };
}

/** Own topics and consumer groups on the shared broker. */
export const testKafka = () => ({ brokers: [testServers().kafka], topicPrefix: `${uniqueName('t')}.` });

/** Own task queue on the shared engine. */
export const testTemporal = () => ({
  address: testServers().temporal,
  uiUrl: testServers().temporalUi,
  namespace: 'default',
  taskQueue: uniqueName('queue-'),
});

/** A Redis server of this test alone: to be wiped, killed and started again with other data. */
export async function startOwnRedis() {
  const dir = await mkdtemp(path.join(tmpdir(), 'firstcome-redis-'));
  const port = await freePort();
  const spec = redisSpec({ dir, port, log: path.join(dir, 'redis.log') });
  const part = createPart({ ...spec, layer: 1 }, { onChange: () => undefined, say: () => undefined });
  await part.start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    /** its data: the append-only file is in `appendonlydir` */
    dir,
    pid: () => part.birth()?.pid,
    stop: () => part.stop(),
    start: () => part.start(),
    async destroy() {
      await part.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
