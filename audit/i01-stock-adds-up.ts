/**
 * I1: on hand = available + held + sold, by the orders' own count; at quiet the gate shows the same available. During a
 * sale the gate lacks what steps under way account for: holds whose row is not yet there, or whose order has just ended, and
 * adjustments it has not been given. And a gate that is closed then is being rebuilt: a pause, not a difference.
 */
import type { Sql } from '../infra/mysql/transaction';
import type { Check, Offender } from './audit';
import { type GateState, readGate } from './gate-state';
import { type AuditedOrder, countUnits, isHeld, isSold, readOrders } from './units';

interface StockRow {
  readonly productId: string;
  readonly onHand: number;
  readonly held: number;
  readonly sold: number;
  readonly added: number | string | null;
  /** the number given last */
  readonly adjustments: number;
}

const GATE = 'gate';
const GATE_AVAILABLE = 'gate available';

/** Units that the gate still holds, or has not been given, per product. How long it may hold them, I8 and I12 say. */
async function unitsUnderWay(
  { holds, applied }: GateState,
  orders: readonly AuditedOrder[],
  { sql, stock }: { readonly sql: Sql; readonly stock: readonly StockRow[] },
): Promise<ReadonlyMap<string, number>> {
  const settled = new Set(orders.filter((order) => isHeld(order) || isSold(order)).map(({ orderId }) => orderId));
  const units = new Map<string, number>();
  const add = (productId: string, more: number): void => void units.set(productId, (units.get(productId) ?? 0) + more);
  for (const [orderId, { lines }] of holds) {
    if (settled.has(orderId)) continue;
    for (const { productId, quantity } of lines) add(productId, quantity);
  }
  for (const { productId, adjustments } of stock) {
    const known = applied.get(productId) ?? adjustments;
    if (known >= adjustments) continue;
    const newer = 'SELECT SUM(delta) AS units FROM stock_adjustments WHERE product_id = ? AND n > ?';
    const [row] = await sql.rows<{ units: number | string | null }>(newer, [productId, known]);
    add(productId, Number(row?.units ?? 0));
  }
  return units;
}

export const stockAddsUp: Check = {
  name: 'I1 stock adds up',
  isExact: ({ what }) => what !== GATE_AVAILABLE && what !== GATE,
  async run({ sql, redis, shop, duringSale }) {
    const rows = await sql.rows<StockRow>(
      `SELECT s.product_id AS productId, s.on_hand AS onHand, s.held, s.sold, s.adjustments,
         (SELECT SUM(a.delta) FROM stock_adjustments a WHERE a.product_id = s.product_id AND a.reason <> 'refund') AS added
       FROM stock s`,
    );
    const orders = await readOrders(sql);
    const byProduct = (productId: string): string => productId;
    const held = countUnits(orders.filter(isHeld), byProduct);
    const sold = countUnits(orders.filter(isSold), byProduct);
    const gate = await readGate(
      redis,
      shop,
      rows.map(({ productId }) => productId),
    );
    const underWay = duringSale ? await unitsUnderWay(gate, orders, { sql, stock: rows }) : new Map<string, number>();
    const offenders: Offender[] = [];
    const compare = (productId: string, what: string, says: number, expected: number): void => {
      if (says !== expected) offenders.push({ productId, what, says, expected });
    };
    for (const row of rows) {
      const { productId } = row;
      compare(productId, 'held', row.held, held.get(productId) ?? 0);
      compare(productId, 'sold', row.sold, sold.get(productId) ?? 0);
      compare(productId, 'on hand', row.onHand, Number(row.added ?? 0));
      const free = row.onHand - row.held - row.sold;
      if (free < 0) offenders.push({ productId, what: 'free', says: free, expected: 0 });
      const inGate = gate.available.get(productId) ?? Number.NaN;
      if (gate.generation !== null) compare(productId, GATE_AVAILABLE, inGate, free - (underWay.get(productId) ?? 0));
    }
    if (gate.generation === null && !duringSale)
      offenders.push({ productId: null, what: GATE, says: 'closed', expected: 'open' });
    return { counts: { products: rows.length, orders: orders.length }, offenders };
  },
};
