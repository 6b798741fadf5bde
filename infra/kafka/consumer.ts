/** Reads topics as one group, in batches: one commit of offsets, and one transaction of the taker, for many messages. */
import type { EachBatchPayload, Kafka, Consumer as KafkaConsumer, KafkaMessage } from 'kafkajs';

export interface Received {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  /** `<topic>/<partition>/<offset>` */
  readonly position: string;
}

/** A batch under way, for takers that have to wait. */
export interface Turn {
  /** Keeps the partition ours while the taker waits; call it more often than every ten seconds. @throws when it is lost */
  heartbeat(): Promise<void>;
  /** False when the process stops, or the partition went to another: stop waiting, and throw. */
  isWanted(): boolean;
}

export interface ConsumerOptions {
  /** full group name */
  readonly group: string;
  /** full topic names */
  readonly topics: readonly string[];
  /**
   * Takes messages of one partition, in order. A throw repeats them, so what can never be taken must be laid aside;
   * what was taken may come again after a crash.
   */
  readonly take: (messages: readonly Received[], turn: Turn) => Promise<void>;
  /**
   * The client has given up for good. It would stay silent in a process that looks healthy: end the process,
   * so that it is started again.
   */
  readonly onCrash: (error: unknown) => void;
}
export interface Consumer {
  /** a member of its group, and reading */
  isRunning(): boolean;
  close(): Promise<void>;
}

/** Messages a taker gets at once. */
const BATCH_MAX = 100;
const SESSION_MS = 15_000;
/** How long the broker holds a read open for which there is nothing yet; a stop waits for it. */
const READ_WAIT_MS = 1_000;

export async function startConsumer(kafka: Kafka, options: ConsumerOptions): Promise<Consumer> {
  const consumer = kafka.consumer({
    groupId: options.group,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: SESSION_MS / 5,
    maxWaitTimeInMs: READ_WAIT_MS,
    allowAutoTopicCreation: false,
    // The group is found again after a broker's restart, however long that takes.
    retry: { retries: 20, maxRetryTime: 5_000 },
  });
  const isRunning = watchLife(consumer, options.onCrash);
  await consumer.connect();
  await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
  await consumer.run({ eachBatchAutoResolve: false, eachBatch: (batch) => takeBatch(batch, options.take) });
  return { isRunning, close: () => consumer.disconnect() };
}

function watchLife(consumer: KafkaConsumer, onCrash: (error: unknown) => void): () => boolean {
  let isJoined = false;
  consumer.on(consumer.events.GROUP_JOIN, () => {
    isJoined = true;
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    isJoined = false;
    if (!payload.restart) onCrash(payload.error);
  });
  return () => isJoined;
}

async function takeBatch(payload: EachBatchPayload, take: ConsumerOptions['take']): Promise<void> {
  const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary } = payload;
  const turn: Turn = { heartbeat, isWanted: () => payload.isRunning() && !payload.isStale() };
  for (let from = 0; from < batch.messages.length && turn.isWanted(); from += BATCH_MAX) {
    const messages = batch.messages.slice(from, from + BATCH_MAX);
    await take(messages.map(receivedFrom(batch)), turn);
    resolveOffset(messages.at(-1)?.offset ?? '');
    await commitOffsetsIfNecessary();
    await heartbeat();
  }
}

const receivedFrom =
  ({ topic, partition }: { readonly topic: string; readonly partition: number }) =>
  ({ key, value, offset }: KafkaMessage): Received => ({
    topic,
    key: key?.toString() ?? '',
    value: value?.toString() ?? '',
    position: `${topic}/${partition}/${offset}`,
  });
