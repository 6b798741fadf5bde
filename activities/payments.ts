/**
 * Paying: what MariaDB must know before and after, and the provider's two questions in between.
 * The ledger steps may travel in the lane; the provider's are always activities of their own, so that a slow
 * provider delays nobody else.
 */
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Captured, ConfirmAnswer } from '../domain/provider';
import type {
  BeginPaymentOutcome,
  Capture,
  CaptureOutcome,
  DeclineOutcome,
  OwnedOrder,
} from '../infra/mysql/ledger/types';
import type { ActivityDeps } from './deps';

export interface ProviderCall {
  readonly orderId: string;
  /** also the provider's idempotency key: never a run id, which a reset would change and charge twice */
  readonly paymentId: string;
  readonly paymentKey: string;
  /** won */
  readonly amount: number;
}
/** The provider's final word. */
export type FinalAnswer = Captured | { readonly kind: 'declined'; readonly code: string; readonly message: string };

export function createPaymentSteps({ ledger, tellNews }: Pick<ActivityDeps, 'ledger' | 'tellNews'>) {
  return {
    /** CONFIRMING is committed before the provider is called. Idempotent by payment key. */
    beginPayment: (
      input: OwnedOrder & { readonly paymentKey: string; readonly amount: number; readonly attemptsMax: number },
    ): Promise<BeginPaymentOutcome> => ledger.beginPayment(input),

    /** CONFIRMING → UNKNOWN: money may have moved, and the provider is asked until it says. */
    markUnknown: async (input: OwnedOrder & { readonly paymentId: string; readonly why: string }): Promise<null> => {
      await ledger.markUnknown(input);
      return null;
    },

    /** The pivot: payment DONE, order CONFIRMED, held → sold, outbox. From here we only go forward. */
    completeOrder: async (input: OwnedOrder & Capture): Promise<CaptureOutcome> => {
      const outcome = await ledger.recordCapture(input);
      tellNews(input.orderId);
      return outcome;
    },

    /** Payment FAILED. The order stays open while attempts are left; ending it is the saga's compensation. */
    recordDecline: async (
      input: OwnedOrder & {
        readonly paymentId: string;
        readonly code: string;
        readonly message: string;
        readonly attemptsMax: number;
      },
    ): Promise<DeclineOutcome> => {
      const outcome = await ledger.recordDecline(input);
      tellNews(input.orderId);
      return outcome;
    },
  };
}

export function createProviderActivities({ provider }: Pick<ActivityDeps, 'provider'>) {
  const confirm = ({ paymentId, paymentKey, orderId, amount }: ProviderCall) =>
    provider.confirm({ paymentKey, orderId, amount, idempotencyKey: paymentId });

  return {
    /**
     * Moves the money. Idempotent by payment id. `unknown` is an answer, not an error: the saga writes it down and asks.
     * A second attempt follows one whose answer was lost, and a refusal after that is not believed unasked.
     */
    confirmWithProvider: async (call: ProviderCall): Promise<ConfirmAnswer> => {
      const answer = await confirm(call);
      if (answer.kind !== 'declined' || activityInfo().attempt === 1) return answer;
      return { kind: 'unknown', why: `${answer.code} after an unanswered attempt` };
    },

    /**
     * Asks what became of a payment until the provider says so: fails (and is retried without end, visible in the
     * Web UI) while it does not. READY, IN_PROGRESS and 404 are no answers: it is confirmed again under the same key,
     * and a refusal of that is checked by one more look. That a confirm finds no such payment counts once no session
     * can be open any more.
     */
    askProvider: async (call: ProviderCall): Promise<FinalAnswer> => {
      const seen = await provider.lookUp(call);
      if (seen.kind === 'captured') return seen;
      if (seen.kind === 'dead') return declinedBy(seen.status);
      if (seen.kind === 'unknown') throw stillUnknown(seen.why);

      const answer = await confirm(call);
      if (answer.kind === 'captured') return answer;
      if (answer.kind === 'unknown' && !(answer.isNotFound && isSessionOver())) throw stillUnknown(answer.why);

      const checked = await provider.lookUp(call);
      if (checked.kind === 'captured') return checked;
      if (checked.kind === 'unknown') throw stillUnknown(checked.why);
      return answer.kind === 'declined' ? answer : NEVER_KNOWN;
    },
  };
}

/**
 * An authorisation is confirmed within ten minutes or never. After that, a key which the provider does not find, neither
 * to show nor to confirm, can take no money any more: without this an invented key would hold its units for ever.
 * What should turn up all the same is late money, and goes back.
 */
const SESSION_MS = 15 * 60_000;
const NEVER_KNOWN: FinalAnswer = {
  kind: 'declined',
  code: 'NOT_FOUND_PAYMENT_SESSION',
  message: 'The provider knows no such payment, long after it could have been made',
};

/** By the engine's clock, from the first asking to this one. */
function isSessionOver(): boolean {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = activityInfo();
  return currentAttemptScheduledTimestampMs - scheduledTimestampMs > SESSION_MS;
}

const declinedBy = (status: string): FinalAnswer => ({
  kind: 'declined',
  code: status,
  message: `The provider shows the payment ${status}`,
});

const stillUnknown = (why: string): ApplicationFailure =>
  ApplicationFailure.retryable(`the outcome is not known yet: ${why}`, 'PAYMENT_UNKNOWN');
