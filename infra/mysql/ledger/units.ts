/**
 * Units of stock and of member limits, moved by guarded statements. Stock comes last in every transaction and in the
 * order of product ids: the row of a hot product is locked for the shortest time, and no two transactions wait in a ring.
 */
import type { OrderLine } from '../../../domain/order';
import type { Sql } from '../transaction';
import { assertOne, type OrderRow } from './orders';
import type { Adjustment, StockAddition } from './types';

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Units per product over all lines, by product id. */
export function unitsByProduct(lines: readonly OrderLine[]): readonly (readonly [string, number])[] {
  const units = new Map<string, number>();
  for (const line of lines) units.set(line.productId, (units.get(line.productId) ?? 0) + line.quantity);
  return [...units].sort(([a], [b]) => byText(a, b));
}

const allLines = (orders: readonly OrderRow[]): readonly OrderLine[] => orders.flatMap((order) => order.lines);

/** Takes units for new orders; false when the product has fewer, and nothing changed. */
export async function holdUnits(tx: Sql, productId: string, units: number): Promise<boolean> {
  const affected = await tx.change(
    'UPDATE stock SET held = held + ? WHERE product_id = ? AND on_hand - held - sold >= ?',
    [units, productId, units],
  );
  return affected === 1;
}

/** Frees what ended orders held. */
export async function releaseUnits(tx: Sql, orders: readonly OrderRow[]): Promise<void> {
  for (const [productId, units] of unitsByProduct(allLines(orders))) {
    const affected = await tx.change('UPDATE stock SET held = held - ? WHERE product_id = ? AND held >= ?', [
      units,
      productId,
      units,
    ]);
    assertOne(affected, `release of ${units} ${productId}`);
  }
}

/** held → sold. */
export async function sellUnits(tx: Sql, orders: readonly OrderRow[]): Promise<void> {
  for (const [productId, units] of unitsByProduct(allLines(orders))) {
    const affected = await tx.change(
      'UPDATE stock SET held = held - ?, sold = sold + ? WHERE product_id = ? AND held >= ?',
      [units, units, productId, units],
    );
    assertOne(affected, `sale of ${units} ${productId}`);
  }
}

/** Sold units of a refunded order are for sale again; the gate learns it by one adjustment per product. */
export async function returnUnits(tx: Sql, order: OrderRow, refundId: string): Promise<readonly Adjustment[]> {
  const adjustments: Adjustment[] = [];
  for (const [productId, units] of unitsByProduct(order.lines)) {
    const affected = await tx.change(
      'UPDATE stock SET sold = sold - ?, adjustments = adjustments + 1 WHERE product_id = ? AND sold >= ?',
      [units, productId, units],
    );
    assertOne(affected, `return of ${units} ${productId}`);
    const numbered = await numberAdjustment(tx, { productId, delta: units, reason: 'refund', reference: refundId });
    adjustments.push({ ...numbered, memberId: order.memberId });
  }
  return adjustments;
}

/** Frees the units an ended or refunded order counted against the limits of its member. */
export async function releaseLimits(tx: Sql, orders: readonly OrderRow[]): Promise<void> {
  const counted = orders
    .flatMap((order) =>
      unitsByProduct(order.lines)
        .filter(([productId]) => order.limitedProducts.includes(productId))
        .map(([productId, units]) => ({ memberId: order.memberId, productId, units })),
    )
    .sort((a, b) => byText(a.memberId, b.memberId) || byText(a.productId, b.productId));
  for (const { memberId, productId, units } of counted) {
    const affected = await tx.change(
      'UPDATE member_limits SET units = units - ? WHERE product_id = ? AND member_id = ? AND units >= ?',
      [units, productId, memberId, units],
    );
    assertOne(affected, `limit of ${memberId} for ${productId}`);
  }
}

/**
 * Adds units to a product (its first stock, or a restock) in the caller's transaction, under the next number of that
 * product. After the commit, give the result to the gate: `applyAdjustment`.
 */
export async function addStock(addition: StockAddition, tx: Sql): Promise<Adjustment> {
  const { productId, quantity, reason, reference } = addition;
  await tx.change('INSERT INTO stock (product_id) VALUES (?) ON DUPLICATE KEY UPDATE product_id = product_id', [
    productId,
  ]);
  const affected = await tx.change(
    'UPDATE stock SET on_hand = on_hand + ?, adjustments = adjustments + 1 WHERE product_id = ?',
    [quantity, productId],
  );
  assertOne(affected, `addition to ${productId}`);
  return numberAdjustment(tx, { productId, delta: quantity, reason, reference });
}

/** Writes the adjustment under the number that the stock row, locked by this transaction, has just been given. */
async function numberAdjustment(
  tx: Sql,
  adjustment: { productId: string; delta: number; reason: string; reference: string | null },
): Promise<Adjustment> {
  const { productId, delta, reason, reference } = adjustment;
  const [row] = await tx.rows<{ n: number }>('SELECT adjustments AS n FROM stock WHERE product_id = ?', [productId]);
  if (!row) throw new Error(`ledger: no stock row of ${productId}`);
  await tx.change(
    `INSERT INTO stock_adjustments (product_id, n, delta, reason, reference, created_at)
     VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
    [productId, row.n, delta, reason, reference],
  );
  return { productId, n: row.n, delta };
}

/** With the member of a refund, whose units no longer count against the limit. */
export async function readAdjustments(sql: Sql, productId: string, afterN: number): Promise<readonly Adjustment[]> {
  return sql.rows<Adjustment>(
    `SELECT a.product_id AS productId, a.n, a.delta, o.member_id AS memberId FROM stock_adjustments a
     LEFT JOIN refunds r ON a.reason = 'refund' AND r.id = a.reference LEFT JOIN orders o ON o.id = r.order_id
     WHERE a.product_id = ? AND a.n > ? ORDER BY a.n`,
    [productId, afterN],
  );
}
