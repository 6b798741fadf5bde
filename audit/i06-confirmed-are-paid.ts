/** I6: each confirmed order has exactly one DONE payment, of the same amount. */
import type { Check } from './audit';

export const confirmedArePaid: Check = {
  name: 'I6 confirmed orders are paid once',
  isExact: () => true,
  async run({ sql }) {
    const rows = await sql.rows<{ orderId: string; payments: number | string; paid: number | string | null }>(
      `SELECT o.id AS orderId, COUNT(p.id) AS payments, SUM(p.amount = o.amount AND p.captured_amount = o.amount) AS paid
       FROM orders o LEFT JOIN payments p ON p.order_id = o.id AND p.status = 'DONE'
       WHERE o.status = 'CONFIRMED' GROUP BY o.id`,
    );
    const offenders = rows
      .filter(({ payments, paid }) => Number(payments) !== 1 || Number(paid) !== 1)
      .map(({ orderId, payments, paid }) => ({ orderId, payments: Number(payments), ofSameAmount: Number(paid ?? 0) }));
    return { counts: { confirmed: rows.length }, offenders };
  },
};
