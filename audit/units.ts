/** Units per product (and member) that orders account for, counted from the orders themselves. */
import { parseJson, type Sql } from '../infra/mysql/transaction';

export interface AuditedOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly status: string;
  readonly amount: number;
  /** those of its products that had a limit when it was accepted */
  readonly limitedProducts: readonly string[];
  readonly items: readonly { readonly productId: string; readonly quantity: number; readonly unitPrice: number }[];
}

const PAGE = 2_000;

/** Every order, in pages by primary key. */
export async function readOrders(sql: Sql): Promise<AuditedOrder[]> {
  const orders: AuditedOrder[] = [];
  for (let after = ''; ; ) {
    const rows = await sql.rows<
      Omit<AuditedOrder, 'items' | 'limitedProducts'> & Record<'items' | 'limitedProducts', unknown>
    >(
      `SELECT id AS orderId, member_id AS memberId, status, amount, items, limited_products AS limitedProducts FROM orders
       WHERE id > ? ORDER BY id LIMIT ${PAGE}`,
      [after],
    );
    for (const row of rows) {
      orders.push({
        ...row,
        amount: Number(row.amount),
        items: parseJson<AuditedOrder['items']>(row.items),
        limitedProducts: parseJson<AuditedOrder['limitedProducts']>(row.limitedProducts),
      });
    }
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return orders;
    after = last.orderId;
  }
}

export const isHeld = ({ status }: AuditedOrder): boolean => status === 'QUEUED' || status === 'PENDING_PAYMENT';
/** Until a refund is done the units stay sold. */
export const isSold = ({ status }: AuditedOrder): boolean => status === 'CONFIRMED' || status === 'REFUNDING';

/** Units by key; the key is made of product and order. */
export function countUnits(orders: readonly AuditedOrder[], keyOf: (productId: string, order: AuditedOrder) => string) {
  const units = new Map<string, number>();
  for (const order of orders) {
    for (const { productId, quantity } of order.items) {
      const key = keyOf(productId, order);
      units.set(key, (units.get(key) ?? 0) + quantity);
    }
  }
  return units;
}
