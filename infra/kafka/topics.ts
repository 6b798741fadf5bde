/** The topics there are. Nothing is created by being written to: a misspelt name is an error. */
import type { Kafka } from 'kafkajs';
import { CONSUMER_GROUPS, deadLetterTopic, TOPICS, topicName } from '../../domain/names';

/** Orders spread over these; one order's events stay in one. */
const PARTITIONS = 4;
const READY_MS = 60_000;
const LOOK_MS = 250;

export const allTopics = (prefix: string): string[] => [
  ...TOPICS.map((topic) => topicName(prefix, topic)),
  ...CONSUMER_GROUPS.map((group) => deadLetterTopic(prefix, group)),
];

/** Creates what is missing. Idempotent. A broker that is just starting answers errors: it is asked again for a minute. */
export async function ensureTopics(kafka: Kafka, prefix: string): Promise<void> {
  const until = Date.now() + READY_MS;
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const known = new Set(await admin.listTopics());
      const missing = allTopics(prefix).filter((topic) => !known.has(topic));
      if (missing.length > 0) {
        const topics = missing.map((topic) => ({ topic, numPartitions: PARTITIONS }));
        await admin.createTopics({ waitForLeaders: true, topics });
      }
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}
