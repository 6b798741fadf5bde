/**
 * Group `sales`: units and won per product and minute. A confirmed order counts up in its minute, a refund counts down in
 * the minute of the refund. Sums commute: both count, in whatever order they come.
 */
import type { DomainEvent, EventItem } from '../../domain/events/event';
import type { Sql } from '../../infra/mysql/transaction';

const signOf = ({ type }: DomainEvent): 1 | -1 | 0 =>
  type === 'order.confirmed' ? 1 : type === 'order.refunded' ? -1 : 0;

const byProduct = (a: EventItem, b: EventItem): number => (a.productId < b.productId ? -1 : 1);

/** The effect, in the transaction that also remembers the event. Rows are locked in the order of product ids. */
export async function countSale(tx: Sql, event: DomainEvent): Promise<void> {
  const sign = signOf(event);
  if (sign === 0) return;
  const minute = new Date(Math.floor(Date.parse(event.occurredAt) / 60_000) * 60_000);
  for (const { productId, quantity, unitPrice } of [...(event.items ?? [])].sort(byProduct)) {
    const [units, revenue] = [sign * quantity, sign * quantity * unitPrice];
    await tx.change(
      `INSERT INTO sales_minutes (product_id, minute, units, revenue) VALUES (?, ?, ?, ?)
       ON DUPLICATE KEY UPDATE units = units + ?, revenue = revenue + ?`,
      [productId, minute, units, revenue, units, revenue],
    );
  }
}
