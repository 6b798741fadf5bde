/** The dispatcher: queued orders become sagas, in turn and within the bound. */
import { createDataSource } from '../../infra/mysql/data-source';
import { createLedger } from '../../infra/mysql/ledger';
import { readConfig } from '../../infra/process/config';
import { runProcess, serveHealth } from '../../infra/process/lifecycle';
import { CHECKOUT, connectRedis } from '../../infra/redis/connection';
import { createGate } from '../../infra/redis/gate';
import { createTemporal, sagaUrl } from '../../infra/temporal/client';
import { TEMPORAL_SETTINGS } from '../../infra/temporal/connection';
import { checkoutSettings, startCheckout } from '../../infra/temporal/starts';
import { startDispatcher } from './dispatcher';
import { countStarts, watchBacklog } from './measures';

runProcess({
  name: 'dispatcher',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig([
      'MYSQL_URL',
      'MYSQL_SOCKET',
      'MYSQL_POOL_SIZE',
      'REDIS_URL',
      'SHOP',
      'CHECKOUT_HOLD_MS',
      'PAYMENT_ATTEMPTS',
      'CONFIRM_WAIT_MS',
      'CHECKOUT_GROUP_MAX',
      'CHECKOUT_IN_FLIGHT_MAX',
      'HOST',
      'METRICS_PORT',
      ...TEMPORAL_SETTINGS,
    ]);
    const source = await createDataSource(config).initialize();
    releasers.add('mysql', () => source.destroy());
    const redis = connectRedis(config.REDIS_URL, CHECKOUT);
    releasers.add('redis', () => redis.disconnect());
    const temporal = createTemporal(config);
    releasers.add('temporal', () => temporal.close());

    const ledger = createLedger(source);
    const { holdVerdict: readVerdict, readAdjustments } = ledger;
    const gate = createGate({ redis, shop: config.SHOP, readVerdict, readAdjustments });
    const settings = checkoutSettings(config);
    const dispatcher = startDispatcher({
      ledger,
      start: (claim) => startCheckout(temporal, { ...claim, settings }),
      syncHold: gate.syncHold,
      groupMax: config.CHECKOUT_GROUP_MAX,
      inFlightMax: config.CHECKOUT_IN_FLIGHT_MAX,
      logger,
      sagaUrl: (owner) => sagaUrl(temporal, owner),
      onStarted: countStarts(metrics),
    });
    const { METRICS_PORT: port, HOST: host } = config;
    watchBacklog(metrics, ledger);
    const health = await serveHealth({ port, host, ready: async () => (await ledger.backlog()).queued >= 0, metrics });
    releasers.add('health', () => health.close());
    return { stop: () => dispatcher.stop() };
  },
});
