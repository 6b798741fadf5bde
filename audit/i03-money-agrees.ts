/** I3: what the provider captured and did not give back = our ledger = Σ confirmed totals. Found money is listed apart. */
import type { Check, Offender } from './audit';
import { readPayments, sum } from './money';

export const moneyAgrees: Check = {
  name: 'I3 money agrees with the provider',
  atQuiet: true,
  async run({ sql, captures }) {
    const payments = await readPayments(sql);
    const provider = await captures();
    const kept = new Map(
      provider.map((capture) => [`${capture.orderId} ${capture.paymentKey}`, capture.amount - capture.refunded]),
    );
    const offenders: Offender[] = [];
    for (const payment of payments) {
      const { paymentId, orderId, paymentKey, status } = payment;
      const atProvider = kept.get(`${orderId} ${paymentKey ?? ''}`) ?? 0;
      // A refund under way may have happened at the provider already: both are right for a moment.
      if (status === 'REFUNDING') continue;
      const ours = status === 'DONE' ? (payment.capturedAmount ?? payment.amount) : 0;
      if (ours !== atProvider) offenders.push({ paymentId, orderId, status, ours, provider: atProvider });
    }
    const known = new Set(payments.map(({ orderId, paymentKey }) => `${orderId} ${paymentKey ?? ''}`));
    for (const { orderId, paymentKey, amount, refunded } of provider) {
      if (amount !== refunded && !known.has(`${orderId} ${paymentKey}`))
        offenders.push({ orderId, paymentKey, what: 'no payment of ours', provider: amount - refunded });
    }
    const confirmed = await sql.rows<{ total: number | string | null }>(
      "SELECT SUM(amount) AS total FROM orders WHERE status = 'CONFIRMED'",
    );
    const done = payments.filter((payment) => payment.status === 'DONE');
    const [total, ledger] = [Number(confirmed[0]?.total ?? 0), sum(done.map((payment) => payment.amount))];
    if (total !== ledger) offenders.push({ what: 'confirmed totals', says: total, expected: ledger });
    const found = await sql.rows("SELECT id FROM refunds WHERE kind = 'LATE_MONEY'");
    const counts = {
      captured: sum(provider.map((capture) => capture.amount)),
      refunded: sum(provider.map((capture) => capture.refunded)),
      confirmed: total,
      foundMoneyRefunds: found.length,
    };
    return { counts, offenders };
  },
};
