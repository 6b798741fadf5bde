/** I13: units are given in sequence order: every accepted order has a number of its own, later gates give higher ones. */
import type { Check, Offender } from './audit';

export const firstComeFirstServed: Check = {
  name: 'I13 first come, first served',
  isExact: () => true,
  async run({ sql }) {
    const rows = await sql.rows<{ orderId: string; sequence: number | string; generation: number }>(
      'SELECT id AS orderId, sequence, generation FROM orders ORDER BY sequence',
    );
    const offenders: Offender[] = [];
    rows.forEach(({ orderId, sequence, generation }, index) => {
      const before = rows[index - 1];
      if (!before) return;
      if (Number(before.sequence) === Number(sequence))
        offenders.push({ orderId, sequence: Number(sequence), what: 'given twice' });
      if (before.generation > generation) {
        offenders.push({ orderId, sequence: Number(sequence), generation, what: 'number of a later gate' });
      }
    });
    return { counts: { orders: rows.length }, offenders };
  },
};
