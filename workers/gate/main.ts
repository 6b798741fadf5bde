/** The gate worker: opens the gate, opens it again whenever it was lost, and keeps it right. */
import { createDataSource } from '../../infra/mysql/data-source';
import { createLedger } from '../../infra/mysql/ledger';
import { readConfig } from '../../infra/process/config';
import { runProcess, serveHealth } from '../../infra/process/lifecycle';
import { BULK, connectRedis, waitUntilReady } from '../../infra/redis/connection';
import { createDriftCheck } from '../../infra/redis/drift';
import { createGateOn } from '../../infra/redis/gate';
import { createOpenGate } from '../../infra/redis/open-gate';
import { startKeeper } from './keeper';
import { createGateMeasures } from './measures';

runProcess({
  name: 'gate',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig([
      'MYSQL_URL',
      'MYSQL_SOCKET',
      'REDIS_URL',
      'SHOP',
      'DRIFT_EVERY_MS',
      'HOST',
      'METRICS_PORT',
    ]);
    const source = await createDataSource({ ...config, MYSQL_POOL_SIZE: 4 }).initialize();
    releasers.add('mysql', () => source.destroy());
    const redis = connectRedis(config.REDIS_URL, BULK, (error) => logger.debug({ error }, 'redis'));
    releasers.add('redis', () => redis.disconnect());
    // Without Redis the worker starts all the same: it is there when Redis comes back.
    await waitUntilReady(redis, 2_000).catch((error: unknown) => logger.warn({ error }, 'redis is away'));

    const { holdVerdict: readVerdict, readAdjustments } = createLedger(source);
    const open = createOpenGate(redis, config.SHOP);
    const gate = createGateOn(open, { readVerdict, readAdjustments });
    const keeper = startKeeper({
      source,
      open,
      checkDrift: createDriftCheck({ source, open, gate, readAdjustments }),
      driftEveryMs: config.DRIFT_EVERY_MS,
      logger,
      measures: createGateMeasures(metrics),
    });
    const { METRICS_PORT: port, HOST: host } = config;
    const health = await serveHealth({ port, host, ready: keeper.isOpen, metrics });
    releasers.add('health', () => health.close());
    return { stop: () => keeper.stop() };
  },
});
