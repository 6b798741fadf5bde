/** The consumers of both groups in one process; instances share the partitions. */
import { Counter } from 'prom-client';
import { topicsOf } from '../../domain/events';
import { CONSUMER_GROUPS, type ConsumerGroup, topicName } from '../../domain/names';
import { createKafka, KAFKA_SETTINGS } from '../../infra/kafka/connection';
import { type Consumer, startConsumer } from '../../infra/kafka/consumer';
import { createProducer } from '../../infra/kafka/producer';
import { createDataSource } from '../../infra/mysql/data-source';
import { createDeadLetters } from '../../infra/mysql/repositories/dead-letters';
import { readConfig } from '../../infra/process/config';
import { runProcess, serveHealth } from '../../infra/process/lifecycle';
import { EFFECTS } from './groups';
import { createTake } from './take';

runProcess({
  name: 'consumers',
  start: async ({ logger, metrics, releasers }) => {
    const config = readConfig(['MYSQL_URL', 'MYSQL_SOCKET', 'HOST', 'METRICS_PORT', ...KAFKA_SETTINGS]);
    const { KAFKA_TOPIC_PREFIX: topicPrefix, METRICS_PORT: port, HOST: host } = config;
    const source = await createDataSource({ ...config, MYSQL_POOL_SIZE: 4 }).initialize();
    releasers.add('mysql', () => source.destroy());
    const kafka = createKafka(config, 'consumers', ({ level, message }) => logger[level](message));
    const producer = createProducer(kafka);
    releasers.add('producer', () => producer.close());
    const consumers: Consumer[] = [];
    const isReady = () => consumers.length === CONSUMER_GROUPS.length && consumers.every((each) => each.isRunning());
    const health = await serveHealth({ port, host, ready: isReady, metrics });
    releasers.add('health', () => health.close());

    const labelNames = ['group', 'repeated'];
    const taken = new Counter({ name: 'events_taken_total', help: 'events', labelNames, registers: [metrics] });
    const deadLetters = createDeadLetters(source);
    const start = async (group: ConsumerGroup) => {
      const take = createTake({
        ...{ group, source, effect: EFFECTS[group], deadLetters, producer, topicPrefix },
        onTaken: ({ fresh, repeated }) => {
          taken.inc({ group, repeated: 'false' }, fresh);
          taken.inc({ group, repeated: 'true' }, repeated);
        },
        onTrouble: (error, position) => logger.warn({ error, group, position }, 'events not taken yet'),
      });
      const topics = topicsOf(group).map((topic) => topicName(topicPrefix, topic));
      const onCrash = (error: unknown) => {
        logger.fatal({ error, group }, 'consumer crashed');
        process.exit(1);
      };
      consumers.push(await startConsumer(kafka, { group: `${topicPrefix}${group}`, topics, take, onCrash }));
    };
    await Promise.all(CONSUMER_GROUPS.map(start));
    return { stop: () => Promise.all(consumers.map((consumer) => consumer.close())) };
  },
});
