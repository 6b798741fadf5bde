/** Removes what earlier rebuilds left, in small steps: the sale goes on beside it. */
import type { OpenGate } from './open-gate';

const STEP = 500;

/** @param isOld which generations go; never the open one, nor one that may be under construction */
export async function removeGenerations(gate: OpenGate, isOld: (generation: number) => boolean): Promise<number> {
  const { redis, keys } = gate;
  let removed = 0;
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', keys.anyGeneration, 'COUNT', STEP);
    cursor = next;
    const old = found.filter((key) => {
      const generation = keys.generationOf(key);
      return generation !== null && isOld(generation);
    });
    // UNLINK frees the memory in the background.
    if (old.length > 0) removed += await redis.unlink(...old);
  } while (cursor !== '0');
  return removed;
}
