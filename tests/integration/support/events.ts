/** Facts as the ledger writes them, a relay and consumers on topics of their own. */
import type { DataSource } from 'typeorm';
import { topicsOf } from '../../../domain/events';
import { type DomainEvent, type EventType, topicOf } from '../../../domain/events/event';
import { createId } from '../../../domain/ids';
import { type ConsumerGroup, topicName } from '../../../domain/names';
import { createKafka, type KafkaSettings } from '../../../infra/kafka/connection';
import { type Consumer, type ConsumerOptions, startConsumer } from '../../../infra/kafka/consumer';
import { createProducer, type Producer } from '../../../infra/kafka/producer';
import { ensureTopics } from '../../../infra/kafka/topics';
import { createDeadLetters } from '../../../infra/mysql/repositories/dead-letters';
import { type Sql, sqlOf } from '../../../infra/mysql/transaction';
import { EFFECTS } from '../../../workers/consumers/groups';
import { createTake, type TakeDeps } from '../../../workers/consumers/take';
import { createTestDatabase } from '../../support/database';
import { testKafka } from '../../support/servers';

export const PRICE = 12_000;

export interface EventsFixture {
  readonly source: DataSource;
  readonly sql: Sql;
  readonly settings: KafkaSettings;
  readonly topicPrefix: string;
  readonly producer: Producer;
  /** Reads a group's topics as production does; closed with the fixture. */
  consume(group: ConsumerGroup, wrap?: (take: ConsumerOptions['take']) => ConsumerOptions['take']): Promise<Consumer>;
  takeOf(group: ConsumerGroup, changed?: Partial<TakeDeps>): ConsumerOptions['take'];
  destroy(): Promise<void>;
}

const newKafka = (settings: KafkaSettings, name: string) => createKafka(settings, name, () => undefined);

export async function createEventsFixture(): Promise<EventsFixture> {
  const database = await createTestDatabase();
  const { source } = database;
  const { brokers, topicPrefix } = testKafka();
  const settings: KafkaSettings = { KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: topicPrefix };
  const kafka = newKafka(settings, 'test');
  await ensureTopics(kafka, topicPrefix);
  const producer = createProducer(kafka);
  const consumers: Consumer[] = [];

  const takeOf: EventsFixture['takeOf'] = (group, changed = {}) =>
    createTake({
      group,
      source,
      effect: EFFECTS[group],
      deadLetters: createDeadLetters(source),
      producer,
      topicPrefix,
      ...changed,
    });
  return {
    source,
    sql: sqlOf(source),
    settings,
    topicPrefix,
    producer,
    takeOf,
    async consume(group, wrap = (take) => take) {
      const consumer = await startConsumer(newKafka(settings, group), {
        group: `${topicPrefix}${group}`,
        topics: topicsOf(group).map((topic) => topicName(topicPrefix, topic)),
        take: wrap(takeOf(group)),
        onCrash: (error) => {
          throw error;
        },
      });
      consumers.push(consumer);
      return consumer;
    },
    async destroy() {
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await producer.close();
      await database.destroy();
    },
  };
}

/** An event of an order over one unit, unless told otherwise. */
export function eventOf(type: EventType, given: Partial<DomainEvent> = {}): DomainEvent {
  const items = [{ productId: createId('prd'), name: 'Shoe', quantity: 1, unitPrice: PRICE }];
  return {
    eventId: createId('evt'),
    type,
    version: 1,
    occurredAt: new Date().toISOString(),
    orderId: createId('ord'),
    memberId: createId('mem'),
    orderVersion: 1,
    amount: PRICE,
    currency: 'KRW',
    ...(type.startsWith('order.') ? { items } : { paymentId: createId('pay') }),
    ...given,
  };
}

/** Rows as the ledger leaves them with its commit. */
export async function putIntoOutbox(sql: Sql, events: readonly DomainEvent[]): Promise<void> {
  await sql.change('INSERT INTO outbox (event_id, topic, type, order_id, payload, created_at) VALUES ?', [
    events.map((event) => [
      event.eventId,
      topicOf(event.type),
      event.type,
      event.orderId,
      JSON.stringify(event),
      new Date(),
    ]),
  ]);
}

export const messageOf = (event: DomainEvent, prefix: string) => ({
  topic: topicName(prefix, topicOf(event.type)),
  key: event.orderId,
  value: JSON.stringify(event),
});

export const countOf = async (sql: Sql, table: string, where = '1 = 1', values: readonly string[] = []) =>
  Number((await sql.rows<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table} WHERE ${where}`, values))[0]?.n ?? 0);
