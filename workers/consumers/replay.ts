/** Command: `node dist/workers/consumers/replay.js notifications|sales` takes dead letters again. Safe to repeat. */
import { Command } from 'commander';
import { CONSUMER_GROUPS, type ConsumerGroup } from '../../domain/names';
import { createDataSource } from '../../infra/mysql/data-source';
import { readConfig } from '../../infra/process/config';
import { EFFECTS } from './groups';
import { replayDeadLetters } from './replaying';

async function main(): Promise<void> {
  const program = new Command('replay').argument('<group>', CONSUMER_GROUPS.join(' or ')).parse();
  const group = CONSUMER_GROUPS.find((name): name is ConsumerGroup => name === program.args[0]);
  if (!group) throw new Error(`the group must be ${CONSUMER_GROUPS.join(' or ')}`);
  const source = await createDataSource(readConfig(['MYSQL_URL', 'MYSQL_SOCKET'])).initialize();
  try {
    const { replayed, refused } = await replayDeadLetters(source, group, EFFECTS[group]);
    for (const { reference, reason } of refused) process.stderr.write(`${reference}: ${reason}\n`);
    process.stdout.write(`${replayed} replayed, ${refused.length} still refused\n`);
    if (refused.length > 0) process.exitCode = 1;
  } finally {
    await source.destroy();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`replay: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
