/**
 * Says when the line of accepted orders is too long to take more. MariaDB counts the line; this process adds what it has
 * accepted since. Far from the bound a count is used for `everyMs`, however many ask. Near it everybody waits for a count of
 * the moment, because other instances accept too. What remains is an overshoot of as many orders as are admitted at once.
 */
import { inTime } from '../../infra/process/in-time';

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
  /** a count without an answer for this long has failed; the next who asks counts anew. ms */
  readonly withinMs?: number;
  /** ms of a clock that only goes forward */
  readonly now?: () => number;
}
export interface BacklogBound {
  /** @returns null when there is room, else the seconds for Retry-After. @throws what `read` throws, or Problem('unavailable') */
  full(): Promise<number | null>;
  /** Runs an acceptance, and counts its order from here on. @returns and @throws what it does */
  joining<T>(accept: () => Promise<T>): Promise<T>;
}

/** Whoever is told to come again comes when about a tenth of the line has drained; unmeasured or stalled: after this. */
const DEFAULT_RETRY_S = 5;
const LONGEST_RETRY_S = 120;
/** Places left at which a count has to be of the moment: more than all instances together take in the life of one. */
const NEAR = 256;

const retryAfter = ({ drainPerS }: BacklogReading, max: number): number => {
  if (!drainPerS) return DEFAULT_RETRY_S;
  return Math.min(LONGEST_RETRY_S, Math.max(1, Math.ceil(max / 10 / drainPerS)));
};

/** A count of the line, and how many acceptances of this process had ended when it began: those are in it. */
interface Count extends BacklogReading {
  readonly joinedBefore: number;
}

export function createBacklogBound(deps: BacklogBoundDeps): BacklogBound {
  const { read, max, everyMs = 100, withinMs = 2_000, now = () => performance.now() } = deps;
  let counting: Promise<Count> | null = null;
  let last: { readonly count: Count; readonly atMs: number } | null = null;
  let underWay = 0;
  let joined = 0;

  const roomBy = ({ queued, joinedBefore }: Count): number => max - queued - (joined - joinedBefore) - underWay;

  /** One at a time: who comes while it runs waits for it. */
  const count = (): Promise<Count> => {
    const joinedBefore = joined;
    const atMs = now();
    counting ??= inTime(read(), withinMs)
      .then((reading) => {
        const made = { ...reading, joinedBefore };
        last = { count: made, atMs };
        return made;
      })
      .finally(() => {
        counting = null;
      });
    return counting;
  };

  /** Being told "full" for a moment too long costs a repeat, being let in costs the bound: only a "full" is kept near it. */
  const isUsable = (room: number): boolean => room <= 0 || room > NEAR;

  return {
    async full() {
      const isFresh = last !== null && now() - last.atMs < everyMs && isUsable(roomBy(last.count));
      const known = last !== null && isFresh ? last.count : await count();
      return roomBy(known) <= 0 ? retryAfter(known, max) : null;
    },
    async joining(accept) {
      underWay += 1;
      try {
        return await accept();
      } finally {
        underWay -= 1;
        joined += 1;
      }
    },
  };
}
