/**
 * Says when the line of accepted orders is too long to take more. The count is read at most every `everyMs`,
 * however many ask: between two reads the line may overshoot by what is accepted in that time.
 */
export interface BacklogReading {
  /** orders QUEUED without owner */
  readonly queued: number;
  /** orders claimed per second; null until it has been measured */
  readonly drainPerS: number | null;
}
export interface BacklogBoundDeps {
  readonly read: () => Promise<BacklogReading>;
  /** orders the line may hold */
  readonly max: number;
  readonly everyMs?: number;
}

/** Whoever is told to come again comes when about a tenth of the line has drained; unmeasured or stalled: after this. */
const DEFAULT_RETRY_S = 5;
const LONGEST_RETRY_S = 120;

const retryAfter = ({ drainPerS }: BacklogReading, max: number): number => {
  if (!drainPerS) return DEFAULT_RETRY_S;
  return Math.min(LONGEST_RETRY_S, Math.max(1, Math.ceil(max / 10 / drainPerS)));
};

/** @returns a function that answers null when there is room, else the seconds for Retry-After */
export function createBacklogBound({ read, max, everyMs = 100 }: BacklogBoundDeps): () => Promise<number | null> {
  let reading: Promise<BacklogReading> | undefined;
  let readAt = 0;
  return async () => {
    if (!reading || Date.now() - readAt >= everyMs) {
      readAt = Date.now();
      const next = read();
      reading = next;
      // A failed read is not kept: the next caller reads afresh.
      next.catch(() => {
        if (reading === next) reading = undefined;
      });
    }
    const now = await reading;
    return now.queued >= max ? retryAfter(now, max) : null;
  };
}
