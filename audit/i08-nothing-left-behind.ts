/** I8: no hold without an order, and no claimed order without a living owner, for longer than a minute. */
import type { Check, Offender } from './audit';
import { readGate } from './gate-state';

const LONGEST_MS = 60_000;
const PAGE = 1_000;

export const nothingLeftBehind: Check = {
  name: 'I8 no stray hold, no ownerless order',
  async run({ sql, redis, shop, isRunning }) {
    const gate = await readGate(redis, shop, []);
    const [seconds = '0'] = await redis.time();
    const old = [...gate.holds].filter(
      ([, { takenAt }]) => takenAt !== null && Number(seconds) * 1_000 - takenAt > LONGEST_MS,
    );
    const offenders: Offender[] = [];
    for (let start = 0; start < old.length; start += PAGE) {
      const ids = old.slice(start, start + PAGE).map(([orderId]) => orderId);
      const known = new Set(
        (await sql.rows<{ id: string }>('SELECT id FROM orders WHERE id IN (?)', [ids])).map(({ id }) => id),
      );
      for (const orderId of ids) if (!known.has(orderId)) offenders.push({ orderId, what: 'hold without an order' });
    }
    const owned = await sql.rows<{ orderId: string; owner: string }>(
      `SELECT id AS orderId, owner FROM orders
       WHERE status IN ('QUEUED', 'PENDING_PAYMENT') AND owner IS NOT NULL
         AND updated_at < UTC_TIMESTAMP(3) - INTERVAL 60 SECOND`,
    );
    const living = new Map<string, boolean>();
    for (const { orderId, owner } of owned) {
      if (!living.has(owner)) living.set(owner, await isRunning(owner));
      if (!living.get(owner)) offenders.push({ orderId, owner, what: 'its owner is not running' });
    }
    return { counts: { holds: gate.holds.size, quietOpenOrders: owned.length, owners: living.size }, offenders };
  },
};
