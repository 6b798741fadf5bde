/** The gateway: the only door. */
import { listen } from '../infra/http/listen';
import { createDataSource } from '../infra/mysql/data-source';
import { readConfig } from '../infra/process/config';
import { runProcess, serveHealth } from '../infra/process/lifecycle';
import { CHECKOUT, connectRedis, connectSubscriber } from '../infra/redis/connection';
import { composeGateway, GATEWAY_SETTINGS } from './compose';

runProcess({
  name: 'gateway',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig([
      ...GATEWAY_SETTINGS,
      'MYSQL_URL',
      'MYSQL_SOCKET',
      'MYSQL_POOL_SIZE',
      'REDIS_URL',
      'HOST',
      'PORT',
      'METRICS_PORT',
    ]);
    const source = await createDataSource(config).initialize();
    releasers.add('mysql', () => source.destroy());
    const onError = (error: unknown) => logger.debug({ error }, 'redis');
    const redis = connectRedis(config.REDIS_URL, CHECKOUT, onError);
    releasers.add('redis', () => redis.disconnect());
    const subscriber = connectSubscriber(config.REDIS_URL, onError);
    releasers.add('subscriber', () => subscriber.disconnect());

    const gateway = await composeGateway({ config, source, redis, subscriber, logger, metrics });
    releasers.add('gateway', () => gateway.stop());
    // Metrics have a door of their own: buyers come in by this one.
    const health = await serveHealth({ port: config.METRICS_PORT, host: config.HOST, ready: () => true, metrics });
    releasers.add('metrics', () => health.close());
    const server = await listen(gateway.app, { host: config.HOST, port: config.PORT });
    logger.info({ url: server.url, metrics: health.url }, 'listening');
    return { stop: () => server.close() };
  },
});
