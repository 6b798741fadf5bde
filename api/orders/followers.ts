/**
 * Everyone who waits for an order to move: event streams, `Prefer: wait`.
 * News only wakes; MariaDB is re-read. As a net against lost news, one query every `netMs` looks for all waiters at once.
 * News of one moment is gathered for `gatherMs`, so that a burst of sagas costs few queries.
 */
interface Waiter {
  readonly after: number;
  readonly settle: (newest: number | null) => void;
}

export interface FollowersDeps {
  /** newest history id per order */
  readonly newest: (orderIds: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /** called when a look fails; the next look tries again */
  readonly onError: (error: unknown) => void;
  readonly netMs?: number;
  readonly gatherMs?: number;
}

export function createFollowers({ newest, onError, netMs = 2_000, gatherMs = 10 }: FollowersDeps) {
  const waiting = new Map<string, Set<Waiter>>();
  const heard = new Set<string>();
  let gathering: NodeJS.Timeout | undefined;

  const look = async (orderIds: readonly string[]): Promise<void> => {
    if (orderIds.length === 0) return;
    for (const [orderId, id] of await newest(orderIds)) {
      for (const waiter of waiting.get(orderId) ?? []) if (id > waiter.after) waiter.settle(id);
    }
  };
  const net = setInterval(() => look([...waiting.keys()]).catch(onError), netMs);
  net.unref();

  const lookAtHeard = (): void => {
    gathering = undefined;
    const orderIds = [...heard];
    heard.clear();
    look(orderIds).catch(onError);
  };
  const wake = (orderId: string): void => {
    if (!waiting.has(orderId)) return;
    heard.add(orderId);
    gathering ??= setTimeout(lookAtHeard, gatherMs);
  };

  return {
    /** News of an order: those who wait for it look again. */
    wake,

    /**
     * Waits until the order's history has an entry newer than `after`.
     * @returns the newest history id, or null when `withinMs` passed or the signal aborted
     */
    wait(orderId: string, after: number, withinMs: number, signal?: AbortSignal): Promise<number | null> {
      return new Promise((resolve) => {
        const others = waiting.get(orderId) ?? new Set<Waiter>();
        const settle = (id: number | null): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', give);
          others.delete(waiter);
          if (others.size === 0) waiting.delete(orderId);
          resolve(id);
        };
        const give = (): void => settle(null);
        const timer = setTimeout(give, withinMs);
        const waiter: Waiter = { after, settle };
        waiting.set(orderId, others.add(waiter));
        if (signal?.aborted) return give();
        signal?.addEventListener('abort', give, { once: true });
        // It may have moved between the caller's read and now.
        wake(orderId);
      });
    },

    /** Ends every wait (as if its time had passed). */
    stop(): void {
      clearInterval(net);
      clearTimeout(gathering);
      for (const set of [...waiting.values()]) for (const waiter of [...set]) waiter.settle(null);
    },
  };
}

export type Followers = ReturnType<typeof createFollowers>;
