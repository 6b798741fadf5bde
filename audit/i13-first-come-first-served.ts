/**
 * I13: units are given in sequence order: every accepted order has a number of its own, the one that its buyer was told,
 * and later gates give higher ones.
 */
import type { Check, Offender } from './audit';

export const firstComeFirstServed: Check = {
  name: 'I13 first come, first served',
  isExact: () => true,
  async run({ sql, observations }) {
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
    const numbers = new Map(rows.map(({ orderId, sequence }) => [orderId, Number(sequence)]));
    const told = observations.filter(({ sequence }) => sequence !== undefined);
    for (const { orderId, sequence = 0 } of told) {
      const number = numbers.get(orderId ?? '');
      if (number !== undefined && number !== sequence)
        offenders.push({ orderId: orderId ?? null, sequence: number, told: sequence, what: 'told another number' });
    }
    return { counts: { orders: rows.length, observed: told.length }, offenders };
  },
};
