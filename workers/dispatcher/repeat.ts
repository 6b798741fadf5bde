/** A loop that outlives its failures and ends when told. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../../infra/process/logger';

export interface RepeatOptions {
  readonly signal: AbortSignal;
  /** pause after a round that failed, milliseconds */
  readonly troubleMs: number;
  readonly logger: Logger;
}

/** @param round answers the milliseconds until the next one; 0: at once */
export async function repeat(
  round: () => Promise<number>,
  { signal, troubleMs, logger }: RepeatOptions,
): Promise<void> {
  while (!signal.aborted) {
    const waitMs = await round().catch((error: unknown) => {
      logger.warn({ error }, 'round failed, goes on');
      return troubleMs;
    });
    // Rejects only when told to stop, which the loop's condition sees.
    if (waitMs > 0) await pause(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
