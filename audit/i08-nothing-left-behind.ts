/**
 * I8: no hold without an order, no claimed order without a living owner, and no order passed over or left in a line that
 * stands still, for longer than a minute. A long line that moves is none of these: its orders wait for their turn.
 */
import type { Sql } from '../infra/mysql/transaction';
import type { Check, Offender } from './audit';
import { HOLD_ALONE_MS, readGate } from './gate-state';

const PAGE = 1_000;

interface Waiting {
  readonly orderId: string;
  readonly sequence: number;
  readonly paying: number;
  readonly createdAt: Date;
}
interface Claimed {
  readonly sequence: number;
  readonly at: Date;
}

/** Orders that nobody has claimed for a minute, the newest first. */
const WAITING = `SELECT id AS orderId, sequence, paying, created_at AS createdAt FROM orders
  WHERE status = 'QUEUED' AND owner IS NULL AND created_at < UTC_TIMESTAMP(3) - INTERVAL 60 SECOND
  ORDER BY created_at DESC`;
/** Claims of the last minute, at a glance. A later owner's (epoch above 0) is a take-over: it says nothing of the line. */
const MOVES = `SELECT COUNT(*) AS claims FROM orders
  WHERE owner_epoch = 0 AND claimed_at > UTC_TIMESTAMP(3) - INTERVAL 60 SECOND`;
/** Claims older than that, the newest first; without those who paid, for they overtake rightly. */
const CLAIMED = `SELECT sequence, claimed_at AS at FROM orders
  WHERE paying = 0 AND owner_epoch = 0 AND claimed_at BETWEEN ? AND UTC_TIMESTAMP(3) - INTERVAL 60 SECOND ORDER BY claimed_at DESC`;

/**
 * The line is taken in order of sequence: a later one that was claimed a minute ago, when this one was there already, went
 * past it. Nobody knows since when a buyer who pays has been paying, so those are not judged.
 */
function passedOver(waiting: readonly Waiting[], claims: readonly Claimed[]): readonly Waiting[] {
  let next = 0;
  let highest = 0;
  return waiting.filter(({ sequence, paying, createdAt }) => {
    for (let claim = claims[next]; claim && claim.at >= createdAt; claim = claims[next]) {
      highest = Math.max(highest, claim.sequence);
      next += 1;
    }
    return paying === 0 && highest > sequence;
  });
}

async function readUnclaimed(sql: Sql): Promise<{ readonly waiting: number; readonly offenders: readonly Offender[] }> {
  const waiting = await sql.rows<Waiting>(WAITING);
  const oldest = waiting.at(-1);
  if (!oldest) return { waiting: 0, offenders: [] };
  const [line] = await sql.rows<{ claims: number | string }>(MOVES);
  const stands = Number(line?.claims ?? 0) === 0;
  const passed = passedOver(waiting, await sql.rows<Claimed>(CLAIMED, [oldest.createdAt]));
  const isPassed = new Set(passed.map(({ orderId }) => orderId));
  const offenders = waiting.flatMap(({ orderId }): Offender[] => {
    if (isPassed.has(orderId)) return [{ orderId, what: 'later ones were claimed before it' }];
    return stands ? [{ orderId, what: 'nobody claims orders' }] : [];
  });
  return { waiting: waiting.length, offenders };
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
