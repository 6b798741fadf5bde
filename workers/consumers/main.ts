/** The consumers of both groups in one process; instances share the partitions. */
import { Counter } from 'prom-client';
import { CONSUMER_GROUPS, topicName } from '../../domain/names';
import { createKafka, KAFKA_SETTINGS } from '../../infra/kafka/connection';
import { startConsumer } from '../../infra/kafka/consumer';
import { createProducer } from '../../infra/kafka/producer';
import { createDataSource } from '../../infra/mysql/data-source';
import { createDeadLetters } from '../../infra/mysql/repositories/inbox';
import { readConfig } from '../../infra/process/config';
import { runProcess, serveHealth } from '../../infra/process/lifecycle';
import { GROUPS } from './groups';
import { createTake } from './take';

runProcess({
  name: 'consumers',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig(['MYSQL_URL', 'MYSQL_SOCKET', 'HOST', 'METRICS_PORT', ...KAFKA_SETTINGS]);
    const source = await createDataSource({ ...config, MYSQL_POOL_SIZE: 5 }).initialize();
    releasers.add('mysql', () => source.destroy());
    const kafka = createKafka(config, 'consumers', ({ level, message }) => logger[level](message));
    const producer = createProducer(kafka);
    releasers.add('producer', () => producer.close());
    const taken = new Counter({
      name: 'events_taken_total',
      help: 'by group; repeats apart',
      labelNames: ['group', 'new'],
      registers: [metrics],
    });
    const stopping = new AbortController();
    const health = await serveHealth({ port: config.METRICS_PORT, host: config.HOST, ready: () => true, metrics });
    releasers.add('health', () => health.close());

    const prefix = config.KAFKA_TOPIC_PREFIX;
    const start = (group: (typeof CONSUMER_GROUPS)[number]) =>
      startConsumer(kafka, {
        group: `${prefix}${group}`,
        topics: GROUPS[group].topics.map((topic) => topicName(prefix, topic)),
        handle: createTake({
          group,
          source,
          effect: GROUPS[group].effect,
          deadLetters: createDeadLetters(source),
          producer,
          topicPrefix: prefix,
          onTaken: (isNew) => taken.inc({ group, new: String(isNew) }),
          onTrouble: (error, position) => logger.warn({ error, group, position }, 'event not taken yet'),
          signal: stopping.signal,
        }),
        onCrash: (error) => {
          logger.fatal({ error, group }, 'consumer crashed');
          process.exit(1);
        },
      });
    const consumers = await Promise.all(CONSUMER_GROUPS.map(start));
    return {
      stop: async () => {
        stopping.abort();
        await Promise.all(consumers.map((consumer) => consumer.close()));
      },
    };
  },
});
