/**
 * Says when the line of accepted orders is too long to take more. MariaDB counts the line; this process adds what it has
 * accepted since. Far from the bound a count is used for `everyMs`, however many ask. Near it everybody waits for a count of
 * the moment, because other instances accept too.
 *
 * Whoever enters has a seat until the gate has decided; no more sit than the line has places, the others wait for a seat
 * rather than being told "full": most of a burst will be refused by the gate. So one process never passes the bound; what
 * remains is an overshoot of what other instances admit in the same moment.
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
export type Entry =
  | { readonly kind: 'full'; readonly retryAfterS: number }
  /** `leave` once the gate has refused, or together with `joining`; further calls do nothing */
  | { readonly kind: 'seated'; leave(): void };
export interface BacklogBound {
  /** Waits for a seat, if the line has room at all. @throws what `read` throws, or Problem('unavailable') */
  enter(): Promise<Entry>;
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
  /** acceptances, and those that may become one */
  let underWay = 0;
  let seated = 0;
  let joined = 0;
  const waiting: (() => void)[] = [];

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

  const known = async (): Promise<Count> => {
    const isFresh = last !== null && now() - last.atMs < everyMs && isUsable(roomBy(last.count));
    return last !== null && isFresh ? last.count : count();
  };

  /** One after the other: each who has got its answer calls the next, who may find that it has to wait on. */
  const callNext = (): void => waiting.shift()?.();

  const takeSeat = (): Entry => {
    seated += 1;
    let isSeated = true;
    return {
      kind: 'seated',
      leave() {
        if (!isSeated) return;
        isSeated = false;
        seated -= 1;
        callNext();
      },
    };
  };

  return {
    async enter() {
      try {
        for (let isFirst = true; ; isFirst = false) {
          const line = await known();
          const room = roomBy(line);
          if (room <= 0) return { kind: 'full', retryAfterS: retryAfter(line, max) };
          if (seated < room) return takeSeat();
          // Who was called and finds no seat is the next to be called again.
          await new Promise<void>((resolve) => (isFirst ? waiting.push(resolve) : waiting.unshift(resolve)));
        }
      } finally {
        callNext();
      }
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
