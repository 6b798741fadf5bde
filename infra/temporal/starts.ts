/**
 * Starting sagas and speaking to them. A start that may have happened is repeated under the same id with the same
 * members; "already started" is then success. Whoever is told `unanswered` repeats, or asks MariaDB.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { cancelUpdateId, confirmUpdateId, refundWorkflowId } from '../../domain/names';
import {
  CANCEL_UPDATE,
  type CancelArgs,
  type CancelRefusal,
  type CancelResult,
  CHECKOUT_WORKFLOW,
  type CheckoutInput,
  type CheckoutSettings,
  CONFIRM_UPDATE,
  type ConfirmArgs,
  type ConfirmRefusal,
  type ConfirmResult,
  REFUND_WORKFLOW,
  type RefundInput,
  type SagaOrder,
  type SagaPhase,
} from '../../domain/saga';
import type { Config } from '../process/config';
import { detailsOf, searchAttributesOf, summaryOf } from './attributes';
import type { Temporal } from './client';
import { isGone, isUnanswered, orUnavailable, refusalOf } from './failures';

/** A start writes one row in the engine: 5 s is ten times the worst seen under load. */
const START_MS = 5_000;
const DESCRIBE_MS = 3_000;
/** on top of what the workflow itself waits before it answers `pending` */
const ANSWER_SLACK_MS = 2_000;

export type Started = 'started' | 'already';

export const checkoutSettings = (
  config: Pick<Config, 'CHECKOUT_HOLD_MS' | 'PAYMENT_ATTEMPTS' | 'CONFIRM_WAIT_MS'>,
): CheckoutSettings => ({
  holdMs: config.CHECKOUT_HOLD_MS,
  attemptsMax: config.PAYMENT_ATTEMPTS,
  answerMs: config.CONFIRM_WAIT_MS,
});

export interface CheckoutStart {
  /** workflow id: the members' owner */
  readonly owner: string;
  readonly orders: readonly SagaOrder[];
  readonly settings: CheckoutSettings;
  readonly resumed?: boolean;
}

async function startOnce(start: () => Promise<unknown>): Promise<Started> {
  try {
    await start();
    return 'started';
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already';
    throw error;
  }
}

/**
 * Starts the saga of a claim. A closed workflow of this id counts as started: a claim runs once.
 * @throws Problem('unavailable') when it is not known whether it started
 */
export function startCheckout(temporal: Temporal, start: CheckoutStart): Promise<Started> {
  const input: CheckoutInput = { orders: start.orders, settings: start.settings, resumed: start.resumed ?? false };
  return orUnavailable(() =>
    startOnce(() =>
      temporal.within(START_MS, () =>
        temporal.client.workflow.start(CHECKOUT_WORKFLOW, {
          workflowId: start.owner,
          taskQueue: temporal.taskQueue,
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          args: [input],
          typedSearchAttributes: searchAttributesOf(start.orders),
          staticSummary: summaryOf(start.orders),
          staticDetails: detailsOf(start.orders),
        }),
      ),
    ),
  );
}

/**
 * Starts the refund of a payment that MariaDB shows REFUNDING. A refund that ended well is never run again;
 * one that failed (the provider refused) may be, by this same call.
 * @throws Problem('unavailable')
 */
export function startRefund(temporal: Temporal, paymentId: string): Promise<Started> {
  const input: RefundInput = { paymentId };
  return orUnavailable(() =>
    startOnce(() =>
      temporal.within(START_MS, () =>
        temporal.client.workflow.start(REFUND_WORKFLOW, {
          workflowId: refundWorkflowId(paymentId),
          taskQueue: temporal.taskQueue,
          workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
          args: [input],
          staticSummary: `${paymentId} · refund in full`,
        }),
      ),
    ),
  );
}

/** `gone`: the owner has ended or is not known; `unanswered`: it did not answer in time, and may yet act. */
export type Unheard = { readonly kind: 'gone' } | { readonly kind: 'unanswered' };

/**
 * Gives a buyer's payment to the order's owner and waits for the provider's answer.
 * Safe to repeat: the update id is made of order and payment key. `answerMs` as in the saga's settings.
 * @throws Problem('unavailable') when the engine was not reached (nothing was written)
 */
export function executeConfirm(
  temporal: Temporal,
  call: { readonly owner: string; readonly answerMs: number } & ConfirmArgs,
): Promise<ConfirmResult | Unheard> {
  const { owner, answerMs, orderId, paymentKey, amount } = call;
  return hear<ConfirmResult, ConfirmRefusal>(() =>
    temporal.within(answerMs + ANSWER_SLACK_MS, () =>
      temporal.client.workflow.getHandle(owner).executeUpdate<ConfirmResult, [ConfirmArgs]>(CONFIRM_UPDATE, {
        updateId: confirmUpdateId(orderId, paymentKey),
        args: [{ orderId, paymentKey, amount }],
      }),
    ),
  );
}

/**
 * Asks the order's owner to cancel it. `key`: the request's idempotency key.
 * @throws Problem('unavailable') when the engine was not reached
 */
export function executeCancel(
  temporal: Temporal,
  call: { readonly owner: string; readonly key: string; readonly answerMs: number } & CancelArgs,
): Promise<CancelResult | Unheard> {
  const { owner, key, answerMs, orderId } = call;
  return hear<CancelResult, CancelRefusal>(() =>
    temporal.within(answerMs + ANSWER_SLACK_MS, () =>
      temporal.client.workflow.getHandle(owner).executeUpdate<CancelResult, [CancelArgs]>(CANCEL_UPDATE, {
        updateId: cancelUpdateId(orderId, key),
        args: [{ orderId }],
      }),
    ),
  );
}

async function hear<R, Code extends string>(
  call: () => Promise<R>,
): Promise<R | Unheard | { kind: 'refused'; code: Code; status: SagaPhase }> {
  try {
    return await orUnavailable(() => unlessUnanswered(call));
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return { kind: 'refused', code: refusal.code as Code, status: refusal.status };
    if (isGone(error)) return { kind: 'gone' };
    throw error;
  }
}

async function unlessUnanswered<R>(call: () => Promise<R>): Promise<R | Unheard> {
  try {
    return await call();
  } catch (error) {
    if (isUnanswered(error)) return { kind: 'unanswered' };
    throw error;
  }
}

export type Life = 'running' | 'closed' | 'missing';

/** Whether a workflow lives, by its id (visibility lags, and is never asked). @throws Problem('unavailable') */
export function readLife(temporal: Temporal, workflowId: string): Promise<Life> {
  return orUnavailable(async () => {
    try {
      const description = await temporal.within(DESCRIBE_MS, () =>
        temporal.client.workflow.getHandle(workflowId).describe(),
      );
      return description.status.name === 'RUNNING' ? 'running' : 'closed';
    } catch (error) {
      if (isGone(error)) return 'missing';
      throw error;
    }
  });
}
