/**
 * A confirm and its time: the caller is answered with what is known after `waitMs`; the pursuit goes on behind its
 * back, so that a buyer who paid while the order still queued does not have to come again. Whoever repeats a payment
 * that is being pursued here joins it.
 */
import { Problem } from '../../domain/errors';
import type { OrderWatch } from './order-watch';
import type { ConfirmOutcome } from './outcome';
import { type ConfirmRequest, createPursuits, type Pursuit, type PursuitDeps } from './pursuit';

export interface ConfirmDeps extends PursuitDeps {
  readonly watch: OrderWatch;
  /** how long the caller waits */
  readonly waitMs: number;
  /** something that no caller can be told any more */
  readonly onLateError: (error: unknown) => void;
}
export interface Confirm {
  /** `onEnd` hears the outcome also when the caller was answered before; a throw: none was heard, and the same payment may come again. */
  confirm(request: ConfirmRequest, onEnd: (outcome: ConfirmOutcome) => Promise<void>): Promise<ConfirmOutcome>;
  /** Ends the pursuits and waits for them. */
  close(): Promise<void>;
}

/** Pursuits under way at once; above it buyers are told to come again rather than queue in memory. */
const PURSUITS_MAX = 5_000;

interface Running extends Pursuit {
  readonly outcome: Promise<ConfirmOutcome>;
}

const nameOf = ({ memberId, orderId, paymentKey, amount }: ConfirmRequest): string =>
  `${memberId} ${orderId} ${amount} ${paymentKey}`;

export function createConfirm(deps: ConfirmDeps): Confirm {
  const { pursue, readOutcome } = createPursuits(deps);
  const running = new Map<string, Running>();
  /** what is still to be kept or freed after an outcome */
  const ends = new Set<Promise<unknown>>();

  function begin(request: ConfirmRequest): Running {
    const name = nameOf(request);
    const joined = running.get(name);
    if (joined) return joined;
    if (running.size >= PURSUITS_MAX) throw new Problem('unavailable', { retryAfterS: 1 });
    const pursuit: Pursuit = { request, isLate: false, isStopped: false };
    const outcome = pursue(pursuit).finally(() => running.delete(name));
    const begun = Object.assign(pursuit, { outcome });
    running.set(name, begun);
    return begun;
  }

  return {
    async confirm(request, onEnd) {
      const pursuit = begin(request);
      const end = pursuit.outcome.then(
        (found) => onEnd(found).catch(deps.onLateError),
        (error: unknown) => pursuit.isLate && deps.onLateError(error),
      );
      ends.add(end);
      void end.finally(() => ends.delete(end));
      const first = await inTime(pursuit.outcome, deps.waitMs);
      if (!first) {
        pursuit.isLate = true;
        return readOutcome(request);
      }
      // The answer is bound to its key before it is given.
      await end;
      return first;
    },
    async close() {
      for (const pursuit of running.values()) pursuit.isStopped = true;
      deps.watch.close();
      await Promise.allSettled([...ends]);
    },
  };
}

/** The result, or null when it takes longer. A rejection after that is the pursuit's own affair. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
