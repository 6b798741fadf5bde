/** What the activities of the checkout worker stand on: ledger, gate, provider and engine, connected. */
import type { ActivityDeps } from '../../activities';
import { createDataSource } from '../../infra/mysql/data-source';
import { createLedger } from '../../infra/mysql/ledger';
import { type Config, requireSettings } from '../../infra/process/config';
import type { ProcessContext, Releasers } from '../../infra/process/lifecycle';
import { createProvider } from '../../infra/provider/provider';
import { CHECKOUT, connectRedis } from '../../infra/redis/connection';
import { createGate } from '../../infra/redis/gate';
import { createNewsSender } from '../../infra/redis/order-news';
import { createTemporal, type Temporal } from '../../infra/temporal/client';
import { TEMPORAL_SETTINGS, type TemporalConfig } from '../../infra/temporal/connection';
import { checkoutSettings } from '../../infra/temporal/starts';
import { createEngine } from './engine';
import { watchSharedCommits } from './measures';

export const CONNECT_SETTINGS = [
  'MYSQL_URL',
  'MYSQL_SOCKET',
  'MYSQL_POOL_SIZE',
  'REDIS_URL',
  'SHOP',
  'PROVIDER_URL',
  'PROVIDER_SECRET_KEY',
  'PROVIDER_TIMEOUT_MS',
  'CHECKOUT_HOLD_MS',
  'PAYMENT_ATTEMPTS',
  'CONFIRM_WAIT_MS',
  ...TEMPORAL_SETTINGS,
] as const;

type ConnectConfig = Pick<Config, (typeof CONNECT_SETTINGS)[number]>;

export function openTemporal(config: TemporalConfig, releasers: Releasers): Temporal {
  const temporal = createTemporal(config);
  releasers.add('temporal client', () => temporal.close());
  return temporal;
}

/** @throws ConfigError without a provider: sagas that cannot pay must not start */
export async function connectDeps(
  config: ConnectConfig,
  temporal: Temporal,
  { logger, metrics, releasers }: ProcessContext,
): Promise<ActivityDeps> {
  const { PROVIDER_URL, PROVIDER_SECRET_KEY } = requireSettings(config, ['PROVIDER_URL', 'PROVIDER_SECRET_KEY']);
  const { PROVIDER_TIMEOUT_MS, REDIS_URL, SHOP } = config;
  const source = await createDataSource(config).initialize();
  releasers.add('mysql', () => source.destroy());
  const redis = connectRedis(REDIS_URL, CHECKOUT);
  releasers.add('redis', () => redis.disconnect());
  const provider = createProvider({
    baseUrl: PROVIDER_URL,
    secretKey: PROVIDER_SECRET_KEY,
    timeoutMs: PROVIDER_TIMEOUT_MS,
  });
  releasers.add('provider', () => provider.close());

  const ledger = createLedger(source, { onApart: watchSharedCommits(metrics, logger) });
  const gate = createGate({
    redis,
    shop: SHOP,
    readVerdict: ledger.holdVerdict,
    readAdjustments: ledger.readAdjustments,
  });
  const tellNews = createNewsSender(redis, SHOP);
  return { ledger, gate, provider, engine: createEngine(temporal), settings: checkoutSettings(config), tellNews };
}
