/** Sales per product and minute, added up by the consumer of that name; read by the sales report. */
import type { Sql } from '../transaction';

/** What is added to a product's minute; negative for what was given back. */
export interface SalesChange {
  readonly productId: string;
  /** its first moment, UTC */
  readonly minute: Date;
  readonly units: number;
  /** won */
  readonly revenue: number;
}

const keyOf = ({ productId, minute }: SalesChange): string => `${productId} ${minute.toISOString()}`;

/** Sums commute, so events may come in any order. Each minute is written once, and rows are locked by key. */
export async function addSales(tx: Sql, changes: readonly SalesChange[]): Promise<void> {
  const sums = new Map<string, SalesChange>();
  for (const change of changes) {
    const sum = sums.get(keyOf(change));
    const units = (sum?.units ?? 0) + change.units;
    sums.set(keyOf(change), { ...change, units, revenue: (sum?.revenue ?? 0) + change.revenue });
  }
  if (sums.size === 0) return;
  await tx.change(
    `INSERT INTO sales_minutes (product_id, minute, units, revenue) VALUES ?
     ON DUPLICATE KEY UPDATE units = units + VALUES(units), revenue = revenue + VALUES(revenue)`,
    [
      [...sums]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { productId, minute, units, revenue }]) => [productId, minute, units, revenue]),
    ],
  );
}
