/** Giving money back, in full: the provider first, then MariaDB, then the gate. */
import { ApplicationFailure } from '@temporalio/common';
import { refundKey } from '../domain/names';
import type { Captured, RefundAnswer } from '../domain/provider';
import type { Adjustment, LateMoneyOutcome, RefundClaim } from '../infra/mysql/ledger/types';
import type { ActivityDeps } from './deps';

export interface OfPayment {
  readonly paymentId: string;
}
/** A claim as a saga holds it. Sagas that began before migration 0002 know of no refusals: there had been none. */
export type RecordedClaim = Omit<RefundClaim, 'refusals'> & Partial<Pick<RefundClaim, 'refusals'>>;
export interface RefundRefusal extends OfPayment {
  /** before this one; absent: none */
  readonly refusals?: number;
  readonly code: string;
  readonly message: string;
}
export type FinalRefundAnswer = Exclude<RefundAnswer, { readonly kind: 'unknown' }>;

export function createRefundActivities({
  ledger,
  gate,
  provider,
  engine,
  tellNews,
}: Pick<ActivityDeps, 'ledger' | 'gate' | 'provider' | 'engine' | 'tellNews'>) {
  return {
    readRefund: ({ paymentId }: OfPayment): Promise<RecordedClaim | null> => ledger.readRefund(paymentId),

    /** Idempotent by `refundKey` at the provider; retried without end while the provider does not say. */
    refundWithProvider: async (claim: RecordedClaim): Promise<FinalRefundAnswer> => {
      const answer = await provider.refund({
        paymentKey: claim.paymentKey,
        amount: claim.amount,
        reason: claim.reason,
        idempotencyKey: refundKey(claim.paymentId, claim.refusals ?? 0),
      });
      if (answer.kind === 'unknown') throw ApplicationFailure.retryable(answer.why, 'REFUND_UNKNOWN');
      return answer;
    },

    /** REFUNDED; a buyer's units return to the ledger in the same commit, never before. */
    recordRefund: async ({ paymentId, orderId }: RecordedClaim): Promise<readonly Adjustment[]> => {
      const { adjustments } = await ledger.recordRefund({ paymentId });
      tellNews(orderId);
      return adjustments;
    },

    /** Stays REFUNDING, with the provider's code and a dead letter: a person has to look. Idempotent by the count of refusals. */
    recordRefundRefusal: async ({ refusals = 0, ...refusal }: RefundRefusal) => {
      await ledger.recordRefundRefusal({ ...refusal, refusals });
      return null;
    },

    /** The gate follows: units of a refund can be bought again. Idempotent by the adjustment's number. */
    returnUnits: async (adjustment: Adjustment): Promise<null> => {
      await gate.applyAdjustment(adjustment);
      return null;
    },

    /** Money captured for an order that ended otherwise: to be given back. Idempotent by payment key. */
    claimLateMoney: ({ orderId, paymentKey, amount, approvedAt, method }: Captured): Promise<LateMoneyOutcome> =>
      ledger.claimLateMoney({ orderId, paymentKey, capture: { amount, approvedAt, method } }),

    /** Idempotent by workflow id. Sagas ask for it only after the claim is committed: a missing one is an error of ours. */
    startRefund: async ({ paymentId }: OfPayment): Promise<null> => {
      const refund = await ledger.readRefund(paymentId);
      if (!refund) throw new Error(`${paymentId} has no refund to start`);
      await engine.startRefund(refund);
      return null;
    },
  };
}
