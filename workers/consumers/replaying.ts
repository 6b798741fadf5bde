/** Takes laid-aside messages again, after what hindered them was mended. */
import type { DataSource } from 'typeorm';
import { parseEvent } from '../../domain/events';
import type { ConsumerGroup } from '../../domain/names';
import { createDeadLetters, type DeadLetter } from '../../infra/mysql/repositories/dead-letters';
import { type Effect, takeNew } from '../../infra/mysql/repositories/inbox';

const PAGE = 500;

export interface Replayed {
  readonly replayed: number;
  readonly refused: readonly { readonly reference: string; readonly reason: string }[];
}

/** Safe to repeat, also while the consumer runs: an event that was taken meanwhile is known by its inbox row. */
export async function replayDeadLetters(source: DataSource, group: ConsumerGroup, effect: Effect): Promise<Replayed> {
  const letters = createDeadLetters(source);
  const refused: { reference: string; reason: string }[] = [];
  let replayed = 0;
  const replay = async (letter: DeadLetter): Promise<void> => {
    try {
      await takeNew(source, { group, events: [parseEvent(letter.payload)], effect });
      await letters.markReplayed(letter.id);
      replayed += 1;
    } catch (error) {
      refused.push({ reference: letter.reference, reason: error instanceof Error ? error.message : String(error) });
    }
  };
  for (let page = await letters.open(group, { after: 0, limit: PAGE }); page.length > 0; ) {
    for (const letter of page) await replay(letter);
    page = await letters.open(group, { after: page.at(-1)?.id ?? 0, limit: PAGE });
  }
  return { replayed, refused };
}
