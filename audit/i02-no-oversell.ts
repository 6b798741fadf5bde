/** I2: never more held and sold than there is, and no member above a limit, by the orders' own count. */
import type { Check, Offender } from './audit';
import { countUnits, isHeld, isSold, readOrders } from './units';

export const noOversell: Check = {
  name: 'I2 no oversell, limits hold',
  isExact: () => true,
  async run({ sql }) {
    const orders = (await readOrders(sql)).filter((order) => isHeld(order) || isSold(order));
    const taken = countUnits(orders, (productId) => productId);
    // What was bought while there was no limit counts against none.
    const limited = orders.map((order) => ({
      ...order,
      items: order.items.filter(({ productId }) => order.limitedProducts.includes(productId)),
    }));
    const byMember = countUnits(limited, (productId, { memberId }) => `${productId} ${memberId}`);
    const stock = await sql.rows<{ productId: string; onHand: number }>(
      'SELECT product_id AS productId, on_hand AS onHand FROM stock',
    );
    const limits = await sql.rows<{ productId: string; memberId: string; units: number; maxUnits: number }>(
      'SELECT product_id AS productId, member_id AS memberId, units, max_units AS maxUnits FROM member_limits',
    );
    const offenders: Offender[] = [];
    for (const { productId, onHand } of stock) {
      const units = taken.get(productId) ?? 0;
      if (units > onHand) offenders.push({ productId, taken: units, onHand });
    }
    for (const { productId, memberId, units, maxUnits } of limits) {
      const counted = byMember.get(`${productId} ${memberId}`) ?? 0;
      if (units > maxUnits || counted > maxUnits) offenders.push({ productId, memberId, counted, maxUnits });
      // What is counted too low lets a member buy again; too high keeps a member out.
      else if (counted !== units) offenders.push({ productId, memberId, counted, says: units });
    }
    return { counts: { products: stock.length, limits: limits.length }, offenders };
  },
};
