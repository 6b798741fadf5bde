/**
 * Says when the line of accepted orders is too long to take more. MariaDB counts the line; this process adds what it has
 * accepted since. A count is used again for as long as all instances together cannot fill the places it has left: far from
 * the bound for `everyMs`, however many ask; near it everybody waits for a count of the moment.
 *
 * Whoever enters has a seat until the gate has decided. No more sit than the line has places; the others wait in order rather
 * than being told "full", for most of a burst will be refused by the gate. So one process never passes the bound; what
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
  /** told once of each count that fails or has no answer in time, however many wait for it */
  readonly onFailure?: () => void;
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
  /** Waits for a seat, if the line has room at all; told `full` also when too many wait, or for too long. @throws what `read` throws, or Problem('unavailable') */
  enter(): Promise<Entry>;
  /** Runs an acceptance, and counts its order from here on. @returns and @throws what it does */
  joining<T>(accept: () => Promise<T>): Promise<T>;
}

/** Whoever is told to come again comes when about a tenth of the line has drained; unmeasured or stalled: after this. */
const DEFAULT_RETRY_S = 5;
const LONGEST_RETRY_S = 120;
/** More than all instances together accept in a millisecond (one process: up to 24): so long may a count be used again. */
const TAKEN_PER_MS = 200;
/** Who waits for a seat waits for gates to decide, which takes them milliseconds: longer, or in a longer queue, is overload. */
const WAIT_MS = 2_000;
const WAITING_MAX = 10_000;

const retryAfter = ({ drainPerS }: BacklogReading, max: number): number => {
  if (!drainPerS) return DEFAULT_RETRY_S;
  return Math.min(LONGEST_RETRY_S, Math.max(1, Math.ceil(max / 10 / drainPerS)));
};

/** A count of the line, and how many acceptances of this process had ended when it began: those are in it. */
interface Count extends BacklogReading {
  readonly joinedBefore: number;
}

interface Waiting {
  /** ms of `now` */
  readonly since: number;
  resolve(entry: Entry): void;
  reject(error: unknown): void;
}

export function createBacklogBound(deps: BacklogBoundDeps): BacklogBound {
  const { read, onFailure, max, everyMs = 100, withinMs = 2_000, now = () => performance.now() } = deps;
  let last: { readonly count: Count; readonly atMs: number } | null = null;
  /** acceptances, and those that may become one */
  let underWay = 0;
  let seated = 0;
  let joined = 0;
  const waiting: Waiting[] = [];
  let isUshering = false;
  /** a seat was left since they were last given out */
  let isFreed = false;
  let onFreed: (() => void) | null = null;

  const roomBy = ({ queued, joinedBefore }: Count): number => max - queued - (joined - joinedBefore) - underWay;

  const count = async (): Promise<Count> => {
    const joinedBefore = joined;
    const atMs = now();
    try {
      const made = { ...(await inTime(read(), withinMs)), joinedBefore };
      last = { count: made, atMs };
      return made;
    } catch (error) {
      onFailure?.();
      throw error;
    }
  };

  /** Being told "full" for a moment too long costs a repeat, being let in costs the bound. */
  const lifeMs = (room: number): number => (room <= 0 ? everyMs : Math.min(everyMs, Math.floor(room / TAKEN_PER_MS)));

  const known = async (): Promise<Count> =>
    last !== null && now() - last.atMs < lifeMs(roomBy(last.count)) ? last.count : count();

  const takeSeat = (): Entry => {
    seated += 1;
    let isSeated = true;
    return {
      kind: 'seated',
      leave() {
        if (!isSeated) return;
        isSeated = false;
        seated -= 1;
        isFreed = true;
        onFreed?.();
      },
    };
  };

  /** One count for all who wait: it seats as many as there is room for, and refuses all when there is none. */
  const seatSome = async (): Promise<void> => {
    let line: Count;
    try {
      line = await known();
    } catch (error) {
      for (const each of waiting.splice(0)) each.reject(error);
      return;
    }
    const refuse = (from: number): void => {
      const entry = { kind: 'full', retryAfterS: retryAfter(line, max) } as const;
      for (const each of waiting.splice(from)) each.resolve(entry);
    };
    const room = roomBy(line);
    if (room <= 0) return refuse(0);
    isFreed = false;
    for (const each of waiting.splice(0, Math.max(0, room - seated))) each.resolve(takeSeat());
    refuse(WAITING_MAX);
    // The oldest stand in front: as long as one of them has waited too long, the queue is longer than the gate is quick.
    if (waiting[0] && now() - waiting[0].since > WAIT_MS) refuse(0);
  };

  const seatFreed = (): Promise<unknown> =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAIT_MS);
      onFreed = () => {
        clearTimeout(timer);
        onFreed = null;
        resolve();
      };
    });

  const usher = async (): Promise<void> => {
    if (isUshering) return;
    isUshering = true;
    try {
      while (waiting.length > 0) {
        await seatSome();
        if (waiting.length > 0 && !isFreed) await seatFreed();
      }
    } finally {
      isUshering = false;
    }
  };

  return {
    enter: () =>
      new Promise((resolve, reject) => {
        waiting.push({ since: now(), resolve, reject });
        void usher();
      }),
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
