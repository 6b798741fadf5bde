/**
 * Command: `node dist/workers/relay/republish.js` has the relay publish again what no consumer has taken although it was
 * published: after Kafka lost a topic. What one group took and the other did not comes to both; the inbox knows repeats.
 */
import { topicsOf } from '../../domain/events';
import { CONSUMER_GROUPS } from '../../domain/names';
import { createDataSource } from '../../infra/mysql/data-source';
import { createOutboxRepository } from '../../infra/mysql/repositories/outbox';
import { readConfig } from '../../infra/process/config';

async function main(): Promise<void> {
  const source = await createDataSource(readConfig(['MYSQL_URL', 'MYSQL_SOCKET'])).initialize();
  try {
    const outbox = createOutboxRepository(source);
    for (const group of CONSUMER_GROUPS) {
      const count = await outbox.republishMissing(group, topicsOf(group));
      process.stdout.write(`${group}: ${count} events will be published again\n`);
    }
  } finally {
    await source.destroy();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`republish: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
