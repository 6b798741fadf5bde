/**
 * `node dist/workers/consumers/replay.js notifications|sales`: takes laid-aside messages again, after what hindered them
 * was mended. Safe to repeat: an event that was taken meanwhile is known by its inbox row.
 */
import { Command } from 'commander';
import { parseEvent } from '../../domain/events/parse-event';
import { CONSUMER_GROUPS, type ConsumerGroup } from '../../domain/names';
import { createDataSource } from '../../infra/mysql/data-source';
import { createDeadLetters, takeOnce } from '../../infra/mysql/repositories/inbox';
import { readConfig } from '../../infra/process/config';
import { GROUPS } from './groups';

const PAGE = 500;

async function main(): Promise<void> {
  const program = new Command('replay').argument('<group>', CONSUMER_GROUPS.join(' or ')).parse();
  const group = CONSUMER_GROUPS.find((name): name is ConsumerGroup => name === program.args[0]);
  if (!group) throw new Error(`the group must be ${CONSUMER_GROUPS.join(' or ')}`);
  const source = await createDataSource(readConfig(['MYSQL_URL', 'MYSQL_SOCKET'])).initialize();
  try {
    const letters = createDeadLetters(source);
    let failed = 0;
    const open = await letters.open(group, PAGE);
    for (const letter of open) {
      try {
        const event = parseEvent(letter.payload);
        await takeOnce(source, { consumer: group, eventId: event.eventId }, (tx) => GROUPS[group].effect(tx, event));
        await letters.markReplayed(letter.id);
      } catch (error) {
        failed += 1;
        process.stderr.write(`${letter.reference}: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
    process.stdout.write(`${open.length - failed} replayed, ${failed} still refused\n`);
    if (failed > 0) process.exitCode = 1;
  } finally {
    await source.destroy();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`replay: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
