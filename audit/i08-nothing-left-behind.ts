/**
 * I8: no hold without an order, no claimed order without a living owner, and no order passed over or left in a line that
 * stands still, for longer than a minute. A long line that moves is none of these: its orders wait for their turn.
 */
import type { Sql } from '../infra/mysql/transaction';
import type { Check, Offender } from './audit';
import { HOLD_ALONE_MS, readGate } from './gate-state';

const PAGE = 1_000;

/** The line is taken in order of sequence, those who pay first: a later one claimed a minute ago went past this one. */
const UNCLAIMED = `SELECT o.id AS orderId, EXISTS (
      SELECT 1 FROM orders later WHERE later.sequence > o.sequence AND later.paying = o.paying
        AND later.claimed_at BETWEEN o.created_at AND UTC_TIMESTAMP(3) - INTERVAL 60 SECOND) AS passedOver,
    NOT EXISTS (
      SELECT 1 FROM orders claimed WHERE claimed.claimed_at > UTC_TIMESTAMP(3) - INTERVAL 60 SECOND) AS standsStill
  FROM orders o
  WHERE o.status = 'QUEUED' AND o.owner IS NULL AND o.created_at < UTC_TIMESTAMP(3) - INTERVAL 60 SECOND`;

async function readUnclaimed(sql: Sql): Promise<{ readonly waiting: number; readonly offenders: readonly Offender[] }> {
  const rows = await sql.rows<{ orderId: string; passedOver: number | string; standsStill: number | string }>(
    UNCLAIMED,
  );
  const offenders = rows.flatMap(({ orderId, passedOver, standsStill }): Offender[] => {
    if (Number(passedOver) === 1) return [{ orderId, what: 'later ones were claimed before it' }];
    return Number(standsStill) === 1 ? [{ orderId, what: 'nobody claims orders' }] : [];
  });
  return { waiting: rows.length, offenders };
}

export const nothingLeftBehind: Check = {
  name: 'I8 no stray hold, no ownerless order',
  async run({ sql, redis, shop, isRunning }) {
    const gate = await readGate(redis, shop, []);
    const [seconds = '0'] = await redis.time();
    const old = [...gate.holds].filter(
      ([, { takenAt }]) => takenAt !== null && Number(seconds) * 1_000 - takenAt > HOLD_ALONE_MS,
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
    const unclaimed = await readUnclaimed(sql);
    offenders.push(...unclaimed.offenders);
    const counts = { quietOpenOrders: owned.length, owners: living.size, longWaiting: unclaimed.waiting };
    return { counts: { holds: gate.holds.size, ...counts }, offenders };
  },
};
