/** I5: each capture has a confirmed order (or one being refunded), or was given back in full. */
import type { Check } from './audit';

export const capturesHaveOrders: Check = {
  name: 'I5 captures have an order or a refund',
  atQuiet: true,
  async run({ sql, captures }) {
    const all = await captures();
    const rows = await sql.rows<{ orderId: string; status: string }>('SELECT id AS orderId, status FROM orders');
    const statuses = new Map(rows.map(({ orderId, status }) => [orderId, status]));
    // Late money that is on its way back: the workflow retries until it is there.
    const returning = new Set(
      (
        await sql.rows<{ paymentKey: string }>(
          "SELECT payment_key AS paymentKey FROM payments WHERE status = 'REFUNDING'",
        )
      ).map(({ paymentKey }) => paymentKey),
    );
    const offenders = all
      .filter(({ amount, refunded }) => refunded < amount)
      .filter(({ orderId, paymentKey }) => statuses.get(orderId) !== 'CONFIRMED' && !returning.has(paymentKey))
      .map(({ orderId, paymentKey, amount }) => ({
        orderId,
        paymentKey,
        amount,
        status: statuses.get(orderId) ?? 'no order',
      }));
    return { counts: { captures: all.length }, offenders };
  },
};
