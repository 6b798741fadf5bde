/** A service process with canned answers, registered like a real one. Prints its address, then each request it begins. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceName } from '../../../domain/names';
import { operations } from '../../../domain/operations';
import { listen } from '../../../infra/http/listen';
import { bind, operationRouter, type Reply, STREAMED } from '../../../infra/http/operation-router';
import { createServiceApp } from '../../../infra/http/service-app';
import { readConfig } from '../../../infra/process/config';
import { createLogger } from '../../../infra/process/logger';
import { createMetrics } from '../../../infra/process/metrics';
import { CHECKOUT, connectRedis, waitUntilReady } from '../../../infra/redis/connection';
import { register } from '../../../infra/registry/registration';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What it does is asked for in the query of a stream's ticket or a list's cursor: both are free text. */
const bindings = operations.map((operation) =>
  bind(operation, async (request): Promise<Reply | typeof STREAMED> => {
    const { raw, requestId, signal, principal } = request;
    say(`${raw.request.method} ${raw.request.path} ${requestId}`);
    const wish = String(raw.request.query.cursor ?? raw.request.query.ticket ?? '');
    if (wish === 'die') process.kill(process.pid, 'SIGKILL');
    if (raw.request.headers.prefer === 'die') process.kill(process.pid, 'SIGKILL');
    if (wish.startsWith('wait-')) await pause(Number(wish.slice(5)));
    if (request.prefer.waitS) await pause(request.prefer.waitS * 1_000);
    if (operation.access === 'stream') {
      raw.response.writeHead(200, { 'content-type': 'text/event-stream' });
      raw.response.write('event: status\ndata: {}\n\n');
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      say(`aborted ${requestId}`);
      raw.response.end();
      return STREAMED;
    }
    const headers = raw.request.headers;
    return {
      status: 200,
      body: {
        operation: operation.id,
        principal: principal ?? null,
        pid: process.pid,
        headers,
        body: request.body ?? null,
      },
    };
  }),
);

async function main(): Promise<void> {
  const config = readConfig(['SHOP', 'REDIS_URL', 'SERVICES', 'PRINCIPAL_SECRET', 'REGISTRY_TTL_MS']);
  const services = config.SERVICES as ServiceName[];
  const redis = connectRedis(config.REDIS_URL, CHECKOUT);
  await waitUntilReady(redis, 5_000);
  const own = bindings.filter(({ operation }) => (services as string[]).includes(operation.service));
  const app = createServiceApp({
    services,
    routers: [operationRouter(own)],
    principalSecret: config.PRINCIPAL_SECRET ?? '',
    logger: createLogger('stand-in', 'silent'),
    metrics: createMetrics('stand-in'),
    ready: () => true,
  });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  const registration = await register({
    redis,
    shop: config.SHOP,
    services,
    instanceId: `stand-in-${process.pid}`,
    url: server.url,
    ttlMs: config.REGISTRY_TTL_MS,
    onError: () => undefined,
  });
  process.once('SIGTERM', async () => {
    await registration.goodbye();
    await server.close();
    redis.disconnect();
    process.exit(0);
  });
  say(server.url);
}

void main();
