/** Holds beside the orders they belong to: abandoned ones, forgotten ones, missing ones. */
import type { GateReads } from '../mysql/repositories/gate';
import type { Gate } from './gate-types';
import { ABANDONED_AFTER_MS } from './holds';
import type { OpenGate } from './open-gate';

/** Holds looked at per step; the whole table is seen in turn. */
const STEP = 500;
/** Fresh holds beyond this are left for the next round: their products are busy, and not repaired anyway. */
const FRESH_MAX = 20_000;

export interface FreshHold {
  readonly orderId: string;
  readonly text: string;
  /** taken at, ms by Redis time */
  readonly at: number;
}

export interface HoldCheckDeps {
  readonly open: OpenGate;
  readonly gate: Pick<Gate, 'syncHold' | 'adopt'>;
  readonly reads: GateReads;
}

export function createHoldCheck({ open: { redis, keys }, gate, reads }: HoldCheckDeps) {
  let cursor = '0';

  const syncAll = async (orderIds: readonly string[]): Promise<number> => {
    let removed = 0;
    for (const orderId of orderIds) if ((await gate.syncHold(orderId)) === 'removed') removed += 1;
    return removed;
  };

  /** Removes the holds of ended orders among the next few; answers where to go on. */
  const scanStep = async (generation: number, from: string) => {
    const [next, pairs] = await redis.hscan(keys.of(generation).holds, from, 'COUNT', STEP);
    const orderIds = pairs.filter((_, index) => index % 2 === 0);
    return { next, removed: await syncAll(await reads.ended(orderIds)) };
  };

  const readFresh = async (generation: number): Promise<readonly FreshHold[]> => {
    const { fresh, holds } = keys.of(generation);
    const pairs = await redis.zrange(fresh, 0, FRESH_MAX - 1, 'WITHSCORES');
    const ids = pairs.filter((_, index) => index % 2 === 0);
    if (ids.length === 0) return [];
    const texts = await redis.hmget(holds, ...ids);
    return ids.flatMap((orderId, index) => {
      const text = texts[index];
      return text ? [{ orderId, text, at: Number(pairs[2 * index + 1]) }] : [];
    });
  };

  /** Open orders whose hold the gate has lost get it back. */
  const retakeMissing = async (generation: number): Promise<void> => {
    for (let after = ''; ; ) {
      const page = await reads.openOrders(after, STEP);
      const last = page.at(-1);
      if (!last) return;
      const texts = await redis.hmget(keys.of(generation).holds, ...page.map(({ orderId }) => orderId));
      for (const [index, order] of page.entries()) if (!texts[index]) await gate.adopt(order);
      after = last.orderId;
    }
  };

  return {
    readFresh,

    /** One round of tidying: fresh holds that have a row or never got one, and the next few of all. Answers how many went. */
    async removeStale(generation: number): Promise<number> {
      const fresh = await readFresh(generation);
      const known = await reads.known(fresh.map(({ orderId }) => orderId));
      if (known.size > 0) await redis.zrem(keys.of(generation).fresh, ...known);
      // The script judges the age by Redis time; this only saves asking about holds that are young by any clock.
      const oldest = Math.max(...fresh.map(({ at }) => at), Date.now()) - ABANDONED_AFTER_MS;
      const abandoned = fresh.filter(({ orderId, at }) => !known.has(orderId) && at <= oldest);
      const removed = await syncAll(abandoned.map(({ orderId }) => orderId));
      const step = await scanStep(generation, cursor);
      cursor = step.next;
      return removed + step.removed;
    },

    /** All holds and all open orders, once. Answers how many holds went. */
    async reconcile(generation: number): Promise<number> {
      let removed = 0;
      let from = '0';
      do {
        const step = await scanStep(generation, from);
        removed += step.removed;
        from = step.next;
      } while (from !== '0');
      await retakeMissing(generation);
      return removed;
    },
  };
}
