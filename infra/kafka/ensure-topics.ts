/** `node dist/infra/kafka/ensure-topics.js`: a job before the first start. */
import { readConfig } from '../process/config';
import { createKafka, KAFKA_SETTINGS } from './connection';
import { ensureTopics } from './topics';

async function main(): Promise<void> {
  const config = readConfig(KAFKA_SETTINGS);
  await ensureTopics(
    createKafka(config, 'ensure-topics', () => undefined),
    config.KAFKA_TOPIC_PREFIX,
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`topics: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
