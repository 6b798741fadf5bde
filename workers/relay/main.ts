/** The relay: outbox to Kafka. Any number may run; one works, the others stand by. */
import { randomUUID } from 'node:crypto';
import { Counter, Gauge } from 'prom-client';
import { createKafka, KAFKA_SETTINGS } from '../../infra/kafka/connection';
import { createProducer } from '../../infra/kafka/producer';
import { createDataSource } from '../../infra/mysql/data-source';
import { createLease } from '../../infra/mysql/lease';
import { createLeftovers } from '../../infra/mysql/repositories/leftovers';
import { createOutboxRepository } from '../../infra/mysql/repositories/outbox';
import { readConfig } from '../../infra/process/config';
import { runProcess, serveHealth } from '../../infra/process/lifecycle';
import { RELAY_LEASE, startRelay } from './relay';

/** A relay that was stopped hard is replaced after this. */
const LEASE_MS = 10_000;

runProcess({
  name: 'relay',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig([
      'MYSQL_URL',
      'MYSQL_SOCKET',
      'OUTBOX_POLL_MS',
      'HOST',
      'METRICS_PORT',
      ...KAFKA_SETTINGS,
    ]);
    const source = await createDataSource({ ...config, MYSQL_POOL_SIZE: 3 }).initialize();
    releasers.add('mysql', () => source.destroy());
    const producer = createProducer(createKafka(config, 'relay', ({ level, message }) => logger[level](message)));
    releasers.add('producer', () => producer.close());
    const outbox = createOutboxRepository(source);
    const published = new Counter({ name: 'outbox_published_total', help: 'events published', registers: [metrics] });
    new Gauge({
      name: 'outbox_waiting_rows',
      help: 'events not published yet',
      registers: [metrics],
      async collect() {
        this.set((await outbox.waiting()).rows);
      },
    });
    const relay = startRelay({
      outbox,
      leftovers: createLeftovers(source),
      producer,
      lease: createLease(source, RELAY_LEASE, randomUUID(), LEASE_MS),
      topicPrefix: config.KAFKA_TOPIC_PREFIX,
      pollMs: config.OUTBOX_POLL_MS,
      onPublished: (count) => published.inc(count),
      onError: (error) => logger.warn({ error }, 'outbox not published or trimmed yet'),
    });
    // Ready without Kafka: selling goes on, and so does the outbox.
    const health = await serveHealth({ port: config.METRICS_PORT, host: config.HOST, ready: () => true, metrics });
    releasers.add('health', () => health.close());
    return { stop: () => relay.stop() };
  },
});
