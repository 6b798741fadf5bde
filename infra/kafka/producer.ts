/** Sends batches of messages; resolves when the broker has acknowledged them all. */
import { type Kafka, type Producer as KafkaProducer, Partitioners } from 'kafkajs';

export interface Message {
  /** full topic name */
  readonly topic: string;
  /** order id: one order's events stay in one partition, in order */
  readonly key: string;
  readonly value: string;
}
export interface Producer {
  /** About a hundred messages a call are seven to eleven times cheaper than one. @throws when not acknowledged */
  send(messages: readonly Message[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects at the first send: a broker that is away at start does no harm. Idempotent: a retry inside the client cannot
 * write a message twice. A send that failed ends the client, because its next batch would carry the sequence numbers of
 * the failed one: the broker, if it has written that after all, would take the new batch for a repeat and drop it.
 */
export function createProducer(kafka: Kafka): Producer {
  let current: Promise<KafkaProducer> | undefined;
  const connect = async (): Promise<KafkaProducer> => {
    // Idempotence needs acks −1 and one request in flight.
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  };
  const close = async (): Promise<void> => {
    const ending = current;
    current = undefined;
    // One that never connected, or whose broker is gone, has nothing left to close.
    await ending?.then((producer) => producer.disconnect()).catch(() => undefined);
  };
  return {
    async send(messages) {
      current ??= connect();
      try {
        const producer = await current;
        await producer.sendBatch({ acks: -1, topicMessages: byTopic(messages) });
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

function byTopic(messages: readonly Message[]) {
  const topics = new Map<string, { key: string; value: string }[]>();
  for (const { topic, key, value } of messages) {
    const list = topics.get(topic) ?? [];
    list.push({ key, value });
    topics.set(topic, list);
  }
  return [...topics].map(([topic, list]) => ({ topic, messages: list }));
}
