/** Lets whoever meets an order without a living owner ask for a sweep, without flooding the engine. */
import type { Logger } from '../process/logger';
import type { Temporal } from './client';
import { nudgeSweeper } from './sweep-schedule';

/** One sweep looks at everything: more nudges in a second add nothing. */
const NUDGE_EVERY_MS = 1_000;

/** At most once a second, never thrown: the sweeper runs by its schedule anyway. */
export function createNudge(temporal: Temporal, logger: Logger): () => void {
  let nudgedAt = 0;
  return () => {
    if (Date.now() - nudgedAt < NUDGE_EVERY_MS) return;
    nudgedAt = Date.now();
    nudgeSweeper(temporal).catch((error: unknown) => logger.warn({ error }, 'the sweeper could not be nudged'));
  };
}
