/** I12: no unit is stuck in the gate for an order that has ended, and nobody was told "finally sold out" while units stayed unsold. */
import type { Check, Offender } from './audit';
import { readGate } from './gate-state';

const PAGE = 1_000;

export const noUnitIsStuck: Check = {
  name: 'I12 no unit is stuck',
  atQuiet: true,
  async run({ sql, redis, shop, observations }) {
    const gate = await readGate(redis, shop, []);
    const ids = [...gate.holds.keys()];
    const offenders: Offender[] = [];
    for (let start = 0; start < ids.length; start += PAGE) {
      const ended = await sql.rows<{ orderId: string; status: string }>(
        "SELECT id AS orderId, status FROM orders WHERE id IN (?) AND status NOT IN ('QUEUED', 'PENDING_PAYMENT')",
        [ids.slice(start, start + PAGE)],
      );
      for (const { orderId, status } of ended)
        offenders.push({ orderId, status, what: 'its hold is still in the gate' });
    }
    const final = new Set(
      observations.flatMap(({ final: isFinal, productId }) => (isFinal && productId ? [productId] : [])),
    );
    const stock = await sql.rows<{ productId: string; unsold: number }>(
      'SELECT product_id AS productId, on_hand - sold AS unsold FROM stock',
    );
    // A restock or refund after the sale raises unsold again, and is a reason: those products are not judged.
    const changed = new Set(
      (
        await sql.rows<{ productId: string }>(
          "SELECT DISTINCT product_id AS productId FROM stock_adjustments WHERE reason <> 'created'",
        )
      ).map(({ productId }) => productId),
    );
    for (const { productId, unsold } of stock) {
      if (unsold > 0 && final.has(productId) && !changed.has(productId))
        offenders.push({ productId, unsold, what: 'told: final' });
    }
    return { counts: { holds: ids.length, observedFinal: final.size }, offenders };
  },
};
