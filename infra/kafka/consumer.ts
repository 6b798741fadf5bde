/** Reads topics as one group. The handler's throw repeats the message; what can never be handled it must lay aside itself. */
import type { Kafka } from 'kafkajs';

export interface Received {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  /** `<topic>/<partition>/<offset>` */
  readonly position: string;
}
export interface ConsumerOptions {
  /** full group name */
  readonly group: string;
  /** full topic names */
  readonly topics: readonly string[];
  readonly handle: (message: Received) => Promise<void>;
  /**
   * The client has given up for good. It would stay silent in a process that looks healthy: end the process,
   * so that it is started again.
   */
  readonly onCrash: (error: unknown) => void;
}
export interface Consumer {
  isRunning(): boolean;
  close(): Promise<void>;
}

export async function startConsumer(kafka: Kafka, options: ConsumerOptions): Promise<Consumer> {
  const consumer = kafka.consumer({
    groupId: options.group,
    sessionTimeout: 15_000,
    heartbeatInterval: 3_000,
    allowAutoTopicCreation: false,
    // The group is found again after a broker's restart, however long that takes.
    retry: { retries: 20, maxRetryTime: 5_000 },
  });
  let isJoined = false;
  consumer.on(consumer.events.GROUP_JOIN, () => {
    isJoined = true;
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    isJoined = false;
    if (!payload.restart) options.onCrash(payload.error);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic, partition, message }) =>
      options.handle({
        topic,
        key: message.key?.toString() ?? '',
        value: message.value?.toString() ?? '',
        position: `${topic}/${partition}/${message.offset}`,
      }),
  });
  return { isRunning: () => isJoined, close: () => consumer.disconnect() };
}
