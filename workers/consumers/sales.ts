/**
 * Group `sales`: units and won per product and minute. A confirmed order counts up in its minute, a refund counts down in
 * the minute of the refund. Versions of an order do not matter here: both count, in whatever order they come.
 */
import type { DomainEvent, EventType } from '../../domain/events/event';
import type { Effect } from '../../infra/mysql/repositories/inbox';
import { addSales, type SalesChange } from '../../infra/mysql/repositories/sales';

const SIGNS: Readonly<Partial<Record<EventType, 1 | -1>>> = { 'order.confirmed': 1, 'order.refunded': -1 };
const MINUTE_MS = 60_000;

function changesOf({ type, occurredAt, items = [] }: DomainEvent): readonly SalesChange[] {
  const sign = SIGNS[type];
  if (sign === undefined) return [];
  const minute = new Date(Math.floor(Date.parse(occurredAt) / MINUTE_MS) * MINUTE_MS);
  return items.map(({ productId, quantity, unitPrice }) => ({
    productId,
    minute,
    units: sign * quantity,
    revenue: sign * quantity * unitPrice,
  }));
}

export const countSales: Effect = (tx, events) => addSales(tx, events.flatMap(changesOf));
