/** I4: at most one capture stands per order, and none is above the order's total. */
import type { Check, Offender, ProviderCapture } from './audit';

export const oneCapture: Check = {
  name: 'I4 one capture per order',
  atQuiet: true,
  async run({ sql, captures }) {
    const standing = (await captures()).filter((capture) => capture.refunded < capture.amount);
    const byOrder = new Map<string, ProviderCapture[]>();
    for (const capture of standing) byOrder.set(capture.orderId, [...(byOrder.get(capture.orderId) ?? []), capture]);
    const rows = await sql.rows<{ orderId: string; amount: number | string }>(
      'SELECT id AS orderId, amount FROM orders',
    );
    const totals = new Map(rows.map(({ orderId, amount }) => [orderId, Number(amount)]));
    const offenders: Offender[] = [];
    for (const [orderId, list] of byOrder) {
      if (list.length > 1) offenders.push({ orderId, captures: list.length });
      const total = totals.get(orderId);
      const captured = Math.max(...list.map((capture) => capture.amount));
      if (total !== undefined && captured > total) offenders.push({ orderId, captured, total });
    }
    return { counts: { captures: standing.length }, offenders };
  },
};
