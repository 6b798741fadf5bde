/** Puts the gateway together from what its process has opened. */
import type { Express } from 'express';
import type { Redis } from 'ioredis';
import type { JSONWebKeySet } from 'jose';
import { Counter } from 'prom-client';
import type { DataSource } from 'typeorm';
import { Problem } from '../domain/errors';
import { SERVICE_NAMES } from '../domain/names';
import { createPrincipals } from '../infra/http/principal';
import { createRevocationsRepository } from '../infra/mysql/repositories/revocations';
import { type Config, requireSettings } from '../infra/process/config';
import type { Logger } from '../infra/process/logger';
import type { Metrics } from '../infra/process/metrics';
import { parseStaticRegistry } from '../infra/registry/instance';
import { fixedInstances, type InstanceList, watchRegistry } from '../infra/registry/watch';
import { createGatewayApp, createReadiness, passageOf } from './app';
import { createBalancer } from './balancer';
import type { ChannelLimits } from './channel';
import { createClientBound } from './client-bound';
import { createGuessLimiter, createLimiter } from './limits';
import { createProxy } from './proxy';
import { followRevocations } from './revocations';
import { createTokenVerifier } from './tokens';

export const GATEWAY_SETTINGS = [
  'SHOP',
  'REGISTRY',
  'REGISTRY_STATIC',
  'REGISTRY_TTL_MS',
  'RATE_LIMIT_PER_MINUTE',
  'LOGIN_FAILURES_PER_MINUTE',
  'TRUST_PROXY',
  'GATEWAY_CONNECTIONS',
  'GATEWAY_LINE_MAX',
  'GATEWAY_LINE_WAIT_MS',
  'GATEWAY_STREAMS_MAX',
  'GATEWAY_STREAMS_PER_CLIENT',
  'PUBLIC_URL',
  'TOKEN_PUBLIC_KEYS',
  'PRINCIPAL_SECRET',
] as const;

/** A fixed list of nothing would answer 503 to everybody, for ever. */
const OF_STATIC = ['REGISTRY_STATIC'] as const;

export interface GatewayParts {
  readonly config: Pick<Config, (typeof GATEWAY_SETTINGS)[number]>;
  readonly source: DataSource;
  readonly redis: Redis;
  /** a subscribed connection can do nothing else */
  readonly subscriber: Redis;
  readonly logger: Logger;
  readonly metrics: Metrics;
}
export interface Gateway {
  readonly app: Express;
  /** After the server is closed: ends feeds and pools. */
  stop(): Promise<void>;
}

/** The same failure every second is one line, not sixty a minute. */
const REMIND_MS = 30_000;
function createComplaint(logger: Logger, what: string): (error: unknown) => void {
  let until = 0;
  return (error) => {
    if (Date.now() < until) return;
    until = Date.now() + REMIND_MS;
    logger.warn({ error }, what);
  };
}

async function instancesOf(parts: GatewayParts): Promise<InstanceList> {
  const { config, redis, subscriber, logger } = parts;
  if (config.REGISTRY === 'static') return fixedInstances(parseStaticRegistry(config.REGISTRY_STATIC ?? ''));
  const onError = createComplaint(logger, 'registry cannot be read; the last list is kept');
  return watchRegistry({ redis, subscriber, shop: config.SHOP, ttlMs: config.REGISTRY_TTL_MS, onError });
}

const tooManyStreams = (max: number) => (): Problem =>
  new Problem('rate_limited', {
    detail: `${max} event streams or waiting answers are open already. Close one first.`,
  });

const limitsOf = (config: GatewayParts['config']): ChannelLimits => ({
  connections: config.GATEWAY_CONNECTIONS,
  lineMax: config.GATEWAY_LINE_MAX,
  lineWaitMs: config.GATEWAY_LINE_WAIT_MS,
  streamsMax: config.GATEWAY_STREAMS_MAX,
});

/** @throws ConfigError naming the settings it lacks */
export async function composeGateway(parts: GatewayParts): Promise<Gateway> {
  const { source, redis, subscriber, logger, metrics } = parts;
  const ofStatic = parts.config.REGISTRY === 'static' ? OF_STATIC : [];
  const config = requireSettings(parts.config, ['TOKEN_PUBLIC_KEYS', 'PRINCIPAL_SECRET', ...ofStatic]);
  const publicKeys = JSON.parse(config.TOKEN_PUBLIC_KEYS) as JSONWebKeySet;
  const instances = await instancesOf(parts);
  const balancer = createBalancer({ instances, limits: limitsOf(config) });
  const feed = await followRevocations({
    revocations: createRevocationsRepository(source),
    redis,
    subscriber,
    shop: config.SHOP,
    onError: createComplaint(logger, 'revocations cannot be read; tokens are asked for one by one'),
  });
  const repeats = new Counter({
    name: 'gateway_repeats_total',
    help: 'requests sent again to another instance',
    labelNames: ['after'],
    registers: [metrics],
  });
  const app = createGatewayApp({
    tokens: createTokenVerifier(publicKeys, feed),
    limiter: createLimiter({
      redis,
      shop: config.SHOP,
      perMinute: config.RATE_LIMIT_PER_MINUTE,
      memberOf: (response) => passageOf(response).principal?.memberId,
      groupOf: (response) => passageOf(response).service ?? '',
    }),
    guessLimiter: createGuessLimiter({ redis, shop: config.SHOP, perMinute: config.LOGIN_FAILURES_PER_MINUTE }),
    proxy: createProxy({
      balancer,
      principals: createPrincipals(config.PRINCIPAL_SECRET),
      waitingBound: createClientBound(
        config.GATEWAY_STREAMS_PER_CLIENT,
        tooManyStreams(config.GATEWAY_STREAMS_PER_CLIENT),
      ),
      onRevoked: feed.note,
      onRepeat: (after) => repeats.inc({ after }),
    }),
    balancer,
    publicKeys,
    publicUrl: config.PUBLIC_URL,
    trustProxy: config.TRUST_PROXY,
    logger,
    metrics,
    ready: createReadiness(balancer, SERVICE_NAMES),
  });
  const stop = async (): Promise<void> => {
    instances.stop();
    feed.stop();
    await balancer.close();
  };
  return { app, stop };
}
