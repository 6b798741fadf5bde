/** The services, all five or those that SERVICES names, behind one port; registered so that gateways find them. */
import { randomUUID } from 'node:crypto';
import { listen } from '../infra/http/listen';
import { createServiceApp } from '../infra/http/service-app';
import { readConfig } from '../infra/process/config';
import { runProcess } from '../infra/process/lifecycle';
import { register } from '../infra/registry/registration';
import { API_SETTINGS, composeServices, parseServices } from './app';
import { openParts } from './parts';

runProcess({
  name: 'services',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig(API_SETTINGS);
    const services = parseServices(config.SERVICES);
    const parts = await openParts({ config, logger, metrics, releasers });
    const modules = await composeServices(parts, services);
    const app = createServiceApp({
      services,
      routers: modules.map(({ router }) => router),
      principalSecret: parts.config.PRINCIPAL_SECRET,
      logger,
      metrics,
      ready: async () => (await parts.source.query('SELECT 1')) !== null,
    });
    const server = await listen(app, { host: config.HOST, port: config.PORT });
    const registration = await register({
      redis: parts.redis,
      shop: config.SHOP,
      services,
      instanceId: `${config.INSTANCE_ID ?? 'services'}-${randomUUID()}`,
      url: config.ADVERTISED_URL ?? server.url,
      ttlMs: config.REGISTRY_TTL_MS,
      onError: (error) => logger.warn({ error }, 'registry not reached; heartbeat goes on'),
    });
    logger.info({ url: server.url, services }, 'listening');
    return {
      stop: async () => {
        // Gateways stop sending first; then what is under way ends; then what goes on behind it.
        await registration.goodbye();
        await server.close();
        await Promise.all(modules.map(async (module) => module.stop?.()));
      },
    };
  },
});
