/** I1: on hand = available + held + sold, by the orders' own count; at quiet the gate shows the same available. */
import type { Check, Offender } from './audit';
import { readGate } from './gate-state';
import { countUnits, isHeld, isSold, readOrders } from './units';

interface StockRow {
  readonly productId: string;
  readonly onHand: number;
  readonly held: number;
  readonly sold: number;
  readonly added: number | string | null;
}

export const stockAddsUp: Check = {
  name: 'I1 stock adds up',
  async run({ sql, redis, shop }) {
    const rows = await sql.rows<StockRow>(
      `SELECT s.product_id AS productId, s.on_hand AS onHand, s.held, s.sold,
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
      if (gate.generation !== null)
        compare(productId, 'gate available', gate.available.get(productId) ?? Number.NaN, free);
    }
    if (gate.generation === null) offenders.push({ productId: null, what: 'gate', says: 'closed', expected: 'open' });
    return { counts: { products: rows.length, orders: orders.length }, offenders };
  },
};
