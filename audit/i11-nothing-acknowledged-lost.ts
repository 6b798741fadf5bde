/** I11: what was acknowledged is there: orders buyers were told of, orders money was captured for, each with its beginning. */
import type { Check, Offender } from './audit';

export const nothingAcknowledgedLost: Check = {
  name: 'I11 nothing acknowledged is lost',
  async run({ sql, captures, observations }) {
    const rows = await sql.rows<{ orderId: string; entries: number | string }>(
      `SELECT o.id AS orderId, (SELECT COUNT(*) FROM order_history h WHERE h.order_id = o.id AND h.status = 'QUEUED') AS entries
       FROM orders o`,
    );
    const known = new Set(rows.map(({ orderId }) => orderId));
    const offenders: Offender[] = rows
      .filter(({ entries }) => Number(entries) !== 1)
      .map(({ orderId, entries }) => ({ orderId, acceptances: Number(entries) }));
    const told = observations.flatMap(({ status, orderId }) => (status < 300 && orderId ? [orderId] : []));
    for (const orderId of told) if (!known.has(orderId)) offenders.push({ orderId, what: 'accepted, and gone' });
    for (const { orderId } of await captures()) {
      if (!known.has(orderId)) offenders.push({ orderId, what: 'captured for an order that is not there' });
    }
    return { counts: { orders: rows.length, observed: told.length }, offenders };
  },
};
