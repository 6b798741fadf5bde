/** Lets many confirms wait for their orders with one query for all of them, however many wait. */
import type { PayableOrder } from '../../infra/mysql/repositories/payments';

export interface OrderWatch {
  /** Resolves when the order is no longer as `seen`, or after `withinMs`. Never rejects: whoever waits looks again. */
  changed(seen: PayableOrder, withinMs: number): Promise<void>;
  /** Wakes everybody and ends the looking. */
  close(): void;
}

interface Waiter {
  readonly seen: PayableOrder;
  readonly until: number;
  readonly wake: () => void;
}

const isSame = (one: PayableOrder, other: PayableOrder): boolean =>
  one.status === other.status &&
  one.owner === other.owner &&
  one.isDispatched === other.isDispatched &&
  one.activePayment === other.activePayment;

/** @param everyMs how often the waiting orders are looked at; also the longest an answer is late */
export function createOrderWatch(
  read: (orderIds: readonly string[]) => Promise<readonly PayableOrder[]>,
  everyMs = 40,
): OrderWatch {
  const waiting = new Set<Waiter>();
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  function wake(waiter: Waiter): void {
    waiting.delete(waiter);
    waiter.wake();
  }

  async function look(): Promise<void> {
    const now = Date.now();
    const ids = [...new Set([...waiting].map((waiter) => waiter.seen.orderId))];
    // Without MariaDB nothing is known to have changed; the deadlines still count.
    const orders = await read(ids).catch(() => []);
    const byId = new Map(orders.map((order) => [order.orderId, order]));
    for (const waiter of waiting) {
      const order = byId.get(waiter.seen.orderId);
      if (now >= waiter.until || (order && !isSame(order, waiter.seen))) wake(waiter);
    }
    timer = null;
    schedule();
  }

  function schedule(): void {
    if (timer === null && waiting.size > 0 && !closed) timer = setTimeout(() => void look(), everyMs);
  }

  return {
    changed: (seen, withinMs) =>
      new Promise((resolve) => {
        if (closed || withinMs <= 0) return resolve();
        waiting.add({ seen, until: Date.now() + withinMs, wake: resolve });
        schedule();
      }),
    close() {
      closed = true;
      if (timer) clearTimeout(timer);
      for (const waiter of waiting) wake(waiter);
    },
  };
}
