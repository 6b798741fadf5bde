/** I9: each published event has one inbox row per consumer that takes it, and its effect once. */
import type { Check, Offender } from './audit';

const CONSUMERS = [
  { consumer: 'notifications', topics: ['orders', 'payments'] },
  { consumer: 'sales', topics: ['orders'] },
] as const;
/** Published this long ago and still not taken. */
const LATE_S = 60;

export const eventsTakeEffectOnce: Check = {
  name: 'I9 events take effect once',
  isExact: () => true,
  async run({ sql }) {
    const offenders: Offender[] = [];
    for (const { consumer, topics } of CONSUMERS) {
      const missing = await sql.rows<{ eventId: string }>(
        `SELECT o.event_id AS eventId FROM outbox o
         LEFT JOIN inbox i ON i.consumer = ? AND i.event_id = o.event_id
         WHERE o.topic IN (?) AND i.event_id IS NULL AND o.created_at < UTC_TIMESTAMP(3) - INTERVAL ${LATE_S} SECOND`,
        [consumer, [...topics]],
      );
      for (const { eventId } of missing) offenders.push({ consumer, eventId, what: 'no effect' });
    }
    const unnotified = await sql.rows<{ eventId: string }>(
      // A late order.created (replayed, published again) is taken without a message, and rightly so: the order has gone on.
      `SELECT i.event_id AS eventId FROM inbox i JOIN outbox o ON o.event_id = i.event_id
         LEFT JOIN notifications n ON n.event_id = i.event_id
         LEFT JOIN consumed_versions v ON v.consumer = i.consumer AND v.order_id = o.order_id
       WHERE i.consumer = 'notifications' AND n.id IS NULL
         AND NOT (o.type = 'order.created' AND v.version > JSON_VALUE(o.payload, '$.orderVersion'))`,
    );
    for (const { eventId } of unnotified)
      offenders.push({ consumer: 'notifications', eventId, what: 'taken, no message' });
    const sales = await sql.rows<{ productId: string; counted: number | string; expected: number | string }>(SALES);
    for (const { productId, counted, expected } of sales) {
      if (Number(counted) !== Number(expected)) {
        offenders.push({ consumer: 'sales', productId, says: Number(counted), expected: Number(expected) });
      }
    }
    const [events] = await sql.rows<{ n: number | string }>('SELECT COUNT(*) AS n FROM outbox');
    return { counts: { events: Number(events?.n ?? 0), products: sales.length }, offenders };
  },
};

/**
 * Units the report counts, against what the orders say: all that is sold, without the events that `sales` has not taken yet.
 * The orders and not the outbox: events that were taken are trimmed, the report is not.
 */
const SALES = `SELECT e.productId, COALESCE(s.units, 0) AS counted, e.units AS expected FROM (
    SELECT l.product_id AS productId, SUM(l.quantity *
      ((o.status IN ('CONFIRMED', 'REFUNDING')) + COALESCE(w.refunded, 0) - COALESCE(w.confirmed, 0))) AS units
    FROM orders o JOIN order_lines l ON l.order_id = o.id
      LEFT JOIN (
        SELECT b.order_id, SUM(b.type = 'order.confirmed') AS confirmed, SUM(b.type = 'order.refunded') AS refunded
        FROM outbox b LEFT JOIN inbox i ON i.consumer = 'sales' AND i.event_id = b.event_id
        WHERE b.type IN ('order.confirmed', 'order.refunded') AND i.event_id IS NULL GROUP BY b.order_id
      ) w ON w.order_id = o.id
    WHERE o.status IN ('CONFIRMED', 'REFUNDING', 'REFUNDED') GROUP BY l.product_id
  ) e LEFT JOIN (
    SELECT product_id AS productId, SUM(units) AS units FROM sales_minutes GROUP BY product_id
  ) s ON s.productId = e.productId`;
