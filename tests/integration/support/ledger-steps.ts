/** The saga's steps on a ledger, one order at a time, with what tests seldom vary filled in. */
import type { Capture, Reservation } from '../../../infra/mysql/ledger';
import type { LedgerFixture } from './ledger';

export type Owned = Reservation & { readonly owner: string };

export const ATTEMPTS = 3;
export const HOLD_MS = 60_000;
export const STRANGER = 'checkout-somebody-else';

/** @param fixture and the product that is sold: the test file's own, which are there once its tests run */
export function ledgerSteps(fixture: () => LedgerFixture, productId: () => string) {
  const begin = (order: Owned, paymentKey = 'key-1') =>
    fixture().ledger.beginPayment({ ...order, paymentKey, attemptsMax: ATTEMPTS });
  const captureOf = (order: Owned, paymentId: string): Capture => ({
    paymentId,
    approvedAt: '2026-11-25T01:02:03.000Z',
    amount: order.amount,
    method: 'card',
  });
  return {
    begin,
    captureOf,
    opened: async (given?: Partial<Reservation>): Promise<Owned> => {
      const order = await fixture().claimed(productId(), given);
      await fixture().ledger.openOrder({ ...order, holdMs: HOLD_MS });
      return order;
    },
    begun: async (order: Owned, paymentKey?: string): Promise<string> => {
      const outcome = await begin(order, paymentKey);
      if (outcome.kind !== 'begun') throw new Error(`not begun: ${JSON.stringify(outcome)}`);
      return outcome.paymentId;
    },
    capture: (order: Owned, paymentId: string, given: Partial<Capture> = {}) =>
      fixture().ledger.recordCapture({ ...order, ...captureOf(order, paymentId), ...given }),
    decline: (order: Owned, paymentId: string) =>
      fixture().ledger.recordDecline({
        ...order,
        paymentId,
        code: 'REJECT_CARD_PAYMENT',
        message: 'no money',
        attemptsMax: ATTEMPTS,
      }),
    end: (order: Owned, status: 'CANCELLED' | 'EXPIRED' | 'PAYMENT_FAILED' = 'CANCELLED') =>
      fixture().ledger.endOrder({ ...order, status, reason: 'cancelled_by_buyer' }),
    /** Units the member owns of the product, by the ledger; undefined without a row. */
    limitOf: async (order: Owned): Promise<number | undefined> => {
      const [row] = await fixture().sql.rows<{ units: number }>(
        'SELECT units FROM member_limits WHERE member_id = ? AND product_id = ?',
        [order.memberId, productId()],
      );
      return row?.units;
    },
  };
}
