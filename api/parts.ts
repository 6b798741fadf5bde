/** What the services of one process share: connections, ledger, gate, engine, provider. Opened once, released in reverse. */
import type { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import type { Provider } from '../domain/provider';
import { createDataSource } from '../infra/mysql/data-source';
import { createLedger, type Ledger } from '../infra/mysql/ledger';
import { type Config, requireSettings } from '../infra/process/config';
import type { Logger } from '../infra/process/logger';
import type { Metrics } from '../infra/process/metrics';
import type { Releasers } from '../infra/process/releasers';
import { createProvider } from '../infra/provider/provider';
import { CHECKOUT, connectRedis, connectSubscriber } from '../infra/redis/connection';
import { createGate } from '../infra/redis/gate';
import type { Gate } from '../infra/redis/gate-types';
import { createTemporal, type Temporal } from '../infra/temporal/client';
import type { API_SETTINGS } from './app';

export interface ApiParts {
  readonly config: ApiConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly source: DataSource;
  readonly redis: Redis;
  /** a connection for subscriptions; each caller has its own, released with the process */
  readonly subscriber: () => Redis;
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly temporal: Temporal;
  readonly provider: Provider;
}
/** The settings of `API_SETTINGS`, in api/app.ts. */
export type ReadConfig = Pick<Config, (typeof API_SETTINGS)[number]>;
export type ApiConfig = ReadConfig & { readonly PRINCIPAL_SECRET: string; readonly TICKET_SECRET: string };

/** The key that signs tokens is the members service's alone. */
export const OF_MEMBERS = ['TOKEN_PRIVATE_KEY'] as const;

export interface OpenOptions {
  readonly config: ReadConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly releasers: Releasers;
}

/** @throws ConfigError for a missing setting, or what the store threw while connecting */
export async function openParts({ config, logger, metrics, releasers }: OpenOptions): Promise<ApiParts> {
  const ofMembers = config.SERVICES.includes('members') ? OF_MEMBERS : [];
  const required = requireSettings(config, [
    'PRINCIPAL_SECRET',
    'TICKET_SECRET',
    'PROVIDER_URL',
    'PROVIDER_SECRET_KEY',
    ...ofMembers,
  ]);
  const source = await createDataSource(config).initialize();
  releasers.add('mysql', () => source.destroy());
  const onRedisError = (error: unknown): void => logger.debug({ error }, 'redis');
  const redis = connectRedis(config.REDIS_URL, CHECKOUT, onRedisError);
  releasers.add('redis', () => redis.disconnect());
  const subscriber = (): Redis => {
    const connection = connectSubscriber(config.REDIS_URL, onRedisError);
    releasers.add('redis subscriber', () => connection.disconnect());
    return connection;
  };
  const temporal = createTemporal(config);
  releasers.add('temporal', () => temporal.close());
  const provider = createProvider({
    baseUrl: required.PROVIDER_URL,
    secretKey: required.PROVIDER_SECRET_KEY,
    timeoutMs: config.PROVIDER_TIMEOUT_MS,
  });
  releasers.add('provider', () => provider.close());
  const ledger = createLedger(source);
  const gate = createGate({
    redis,
    shop: config.SHOP,
    readVerdict: ledger.holdVerdict,
    readAdjustments: ledger.readAdjustments,
  });
  return {
    config: { ...config, ...required },
    logger,
    metrics,
    source,
    redis,
    subscriber,
    ledger,
    gate,
    temporal,
    provider,
  };
}
