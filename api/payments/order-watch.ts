/**
 * Lets many confirms wait for their orders. News of an order wakes those who wait for it, and MariaDB is re-read: one
 * query for all that was heard in one moment. As a net against lost news, one query looks for everybody, now and then.
 */
import type { PayableOrder } from '../../infra/mysql/repositories/payments';

export interface OrderWatch {
  /** Resolves when the order is no longer as `seen`, or after `withinMs`. Never rejects: whoever waits looks again. */
  changed(seen: PayableOrder, withinMs: number): Promise<void>;
  /** News of an order: those who wait for it look again. */
  wake(orderId: string): void;
  /** Wakes everybody and ends the looking. */
  close(): void;
}

interface Waiter {
  readonly seen: PayableOrder;
  readonly deadline: NodeJS.Timeout;
  readonly wake: () => void;
}

const isSame = (one: PayableOrder, other: PayableOrder): boolean =>
  one.status === other.status &&
  one.owner === other.owner &&
  one.isDispatched === other.isDispatched &&
  one.activePayment === other.activePayment;

/** News of one moment is gathered for this long, so that a burst of sagas costs few queries. */
const GATHER_MS = 10;

/**
 * @param netMs how often everybody is looked at; also the longest an answer is late when its news was lost. Above that many
 * who wait, 1 ms for each: a crowd costs a thousand rows a second, and no more.
 */
export function createOrderWatch(
  read: (orderIds: readonly string[]) => Promise<readonly PayableOrder[]>,
  netMs = 250,
): OrderWatch {
  const waiting = new Map<string, Set<Waiter>>();
  const heard = new Set<string>();
  let net: NodeJS.Timeout | null = null;
  let gathering: NodeJS.Timeout | null = null;
  let isClosed = false;

  function settle(waiter: Waiter): void {
    const { orderId } = waiter.seen;
    const others = waiting.get(orderId);
    others?.delete(waiter);
    if (others?.size === 0) waiting.delete(orderId);
    clearTimeout(waiter.deadline);
    waiter.wake();
  }

  async function look(orderIds: readonly string[]): Promise<void> {
    // Without MariaDB nothing is known to have changed; everybody's deadline still counts.
    const orders = await read(orderIds).catch(() => []);
    const byId = new Map(orders.map((order) => [order.orderId, order]));
    for (const orderId of orderIds) {
      const order = byId.get(orderId);
      for (const waiter of waiting.get(orderId) ?? []) {
        if (order && !isSame(order, waiter.seen)) settle(waiter);
      }
    }
  }

  async function lookAtAll(): Promise<void> {
    await look([...waiting.keys()]);
    net = null;
    cast();
  }

  function cast(): void {
    if (net === null && waiting.size > 0 && !isClosed)
      net = setTimeout(() => void lookAtAll(), Math.max(netMs, waiting.size));
  }

  async function lookAtHeard(): Promise<void> {
    gathering = null;
    const orderIds = [...heard];
    heard.clear();
    await look(orderIds);
  }

  return {
    changed: (seen, withinMs) =>
      new Promise((resolve) => {
        if (isClosed || withinMs <= 0) return resolve();
        const others = waiting.get(seen.orderId) ?? new Set<Waiter>();
        const deadline = setTimeout(() => settle(waiter), withinMs);
        const waiter: Waiter = { seen, deadline, wake: resolve };
        waiting.set(seen.orderId, others.add(waiter));
        cast();
      }),
    wake(orderId) {
      if (isClosed || !waiting.has(orderId)) return;
      heard.add(orderId);
      gathering ??= setTimeout(() => void lookAtHeard(), GATHER_MS);
    },
    close() {
      isClosed = true;
      if (net) clearTimeout(net);
      if (gathering) clearTimeout(gathering);
      for (const waiters of [...waiting.values()]) for (const waiter of [...waiters]) settle(waiter);
    },
  };
}
