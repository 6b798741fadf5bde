/** A gateway and a members service in this process on real stores, and stand-in services as processes that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { JWK } from 'jose';
import type { DataSource } from 'typeorm';
import { composeMembers } from '../../../api/members/compose';
import type { ServiceName } from '../../../domain/names';
import { composeGateway } from '../../../gateway/compose';
import { listen } from '../../../infra/http/listen';
import { createServiceApp } from '../../../infra/http/service-app';
import { createDataSource } from '../../../infra/mysql/data-source';
import { createLogger } from '../../../infra/process/logger';
import { createMetrics } from '../../../infra/process/metrics';
import { createReleasers } from '../../../infra/process/releasers';
import { CHECKOUT, connectRedis, connectSubscriber } from '../../../infra/redis/connection';
import { register } from '../../../infra/registry/registration';
import { createTestDatabase } from '../../support/database';
import { uniqueName } from '../../support/servers';
import { until } from '../../support/until';

export const TTL_MS = 1_500;

const GATEWAY_LIMITS = {
  GATEWAY_CONNECTIONS: 256,
  GATEWAY_LINE_MAX: 4_000,
  GATEWAY_LINE_WAIT_MS: 10_000,
  GATEWAY_STREAMS_MAX: 4_000,
  GATEWAY_STREAMS_PER_CLIENT: 20,
  LOGIN_FAILURES_PER_MINUTE: 30,
};
type GatewayLimit = keyof typeof GATEWAY_LIMITS;

export interface EdgeOptions {
  /** Redis of registry, news and limits */
  readonly redisUrl: string;
  readonly perMinute?: number;
  /** settings of its gateways that differ from the defaults */
  readonly gateway?: Partial<Record<GatewayLimit, number>>;
}
export interface StandIn {
  readonly pid: number;
  readonly url: string;
  readonly exited: Promise<unknown>;
  /** log lines: `<method> <path> <request id>` of each request it has begun */
  readonly seen: readonly string[];
  kill(signal: NodeJS.Signals): void;
}

export function createKeys() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const named = { kid: 'test', alg: 'ES256', use: 'sig' };
  const privateJwk: JWK = { ...(privateKey.export({ format: 'jwk' }) as JWK), ...named };
  const publicJwk: JWK = { ...(publicKey.export({ format: 'jwk' }) as JWK), ...named };
  return { privateKey, publicKey, privateJwk, publicJwk };
}

/** Each call has its own shop, database and keys. */
export async function startEdge({ redisUrl, perMinute = 100_000, gateway: limits }: EdgeOptions) {
  const shop = uniqueName('edge');
  const keys = createKeys();
  const principalSecret = randomBytes(32).toString('base64url');
  const logger = createLogger('test', process.env.EDGE_LOG ?? 'silent');
  const releasers = createReleasers(logger);
  const database = await createTestDatabase();
  releasers.add('database', () => database.destroy());

  const openRedis = () => {
    const redis = connectRedis(redisUrl, CHECKOUT);
    releasers.add('redis', () => redis.disconnect());
    return redis;
  };
  const openSubscriber = () => {
    const subscriber = connectSubscriber(redisUrl);
    releasers.add('subscriber', () => subscriber.disconnect());
    return subscriber;
  };

  const startMembers = async () => {
    const redis = openRedis();
    await until(() => redis.status === 'ready', { within: 5_000, what: 'Redis' });
    const config = {
      SHOP: shop,
      TOKEN_PRIVATE_KEY: JSON.stringify(keys.privateJwk),
      ACCESS_TOKEN_S: 900,
      REFRESH_TOKEN_S: 3_600,
    };
    const app = createServiceApp({
      services: ['members'],
      routers: [composeMembers({ source: database.source, redis, config, logger })],
      principalSecret,
      logger,
      metrics: createMetrics('members'),
      ready: () => true,
    });
    const server = await listen(app, { host: '127.0.0.1', port: 0, drainMs: 2_000 });
    releasers.add('members', () => server.close());
    const registration = await register({
      redis,
      shop,
      services: ['members'],
      instanceId: 'members-1',
      url: server.url,
      ttlMs: TTL_MS,
      onError: () => undefined,
    });
    releasers.add('registration', () => registration.goodbye());
  };

  /** @param source its connection to MariaDB; tests that cut it hand in their own */
  const startGateway = async (source?: DataSource) => {
    const own = source ?? (await createDataSource({ MYSQL_URL: database.url, MYSQL_POOL_SIZE: 2 }).initialize());
    releasers.add('gateway mysql', () => (own.isInitialized ? own.destroy() : undefined));
    const redis = openRedis();
    await until(() => redis.status === 'ready', { within: 5_000, what: 'Redis' });
    const gateway = await composeGateway({
      config: {
        SHOP: shop,
        REGISTRY: 'redis',
        REGISTRY_STATIC: undefined,
        REGISTRY_TTL_MS: TTL_MS,
        RATE_LIMIT_PER_MINUTE: perMinute,
        TRUST_PROXY: 0,
        ...GATEWAY_LIMITS,
        ...limits,
        PUBLIC_URL: 'http://127.0.0.1:8080',
        TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [keys.publicJwk] }),
        PRINCIPAL_SECRET: principalSecret,
      },
      source: own,
      redis,
      subscriber: openSubscriber(),
      logger,
      metrics: createMetrics('gateway'),
    });
    releasers.add('gateway', () => gateway.stop());
    const server = await listen(gateway.app, { host: '127.0.0.1', port: 0, drainMs: 2_000 });
    releasers.add('gateway server', () => server.close());
    return { url: server.url, source: own };
  };

  const standIns: ChildProcess[] = [];
  /** A process that serves `services` with canned answers; resolves when it has registered. */
  const startStandIn = async (services: readonly ServiceName[]): Promise<StandIn> => {
    const root = path.resolve(__dirname, '../../..');
    const child = spawn(
      process.execPath,
      ['-r', path.join(root, 'tests/support/ts-hook.cjs'), path.join(__dirname, 'stand-in.ts')],
      {
        env: {
          ...process.env,
          SHOP: shop,
          REDIS_URL: redisUrl,
          SERVICES: services.join(','),
          PRINCIPAL_SECRET: principalSecret,
          REGISTRY_TTL_MS: String(TTL_MS),
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    standIns.push(child);
    const seen: string[] = [];
    const lines = createInterface({ input: child.stdout });
    const url = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`stand-in ended with ${code}`)));
      lines.on('line', (line) => (line.startsWith('http') ? resolve(line) : seen.push(line)));
    });
    const exited = once(child, 'exit');
    return { pid: child.pid ?? 0, url, exited, seen, kill: (signal) => void child.kill(signal) };
  };
  releasers.add('stand-ins', async () => {
    for (const child of standIns) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  });

  return {
    shop,
    keys,
    principalSecret,
    database,
    startMembers,
    startGateway,
    startStandIn,
    stop: () => releasers.releaseAll(),
  };
}
export type Edge = Awaited<ReturnType<typeof startEdge>>;
