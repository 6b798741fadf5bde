/**
 * Starting sagas. A start that may have happened is repeated under the same id with the
 * same members; "already started" is then success.
 */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { refundWorkflowId } from '../../domain/names';
import {
  CHECKOUT_WORKFLOW,
  type CheckoutInput,
  type CheckoutSettings,
  REFUND_WORKFLOW,
  type RefundInput,
  type RefundStart,
  type SagaOrder,
} from '../../domain/saga';
import type { Config } from '../process/config';
import { detailsOf, searchAttributesOf, searchAttributesOfRefund, summaryOf, summaryOfRefund } from './attributes';
import type { Temporal } from './client';
import { orUnavailable } from './failures';

/** A start writes one row in the engine: 5 s is ten times the worst seen under load. */
const START_MS = 5_000;

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
export function startRefund(temporal: Temporal, refund: RefundStart): Promise<Started> {
  const { paymentId } = refund;
  const input: RefundInput = { paymentId };
  return orUnavailable(() =>
    startOnce(() =>
      temporal.within(START_MS, () =>
        temporal.client.workflow.start(REFUND_WORKFLOW, {
          workflowId: refundWorkflowId(paymentId),
          taskQueue: temporal.taskQueue,
          workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
          args: [input],
          typedSearchAttributes: searchAttributesOfRefund(refund),
          staticSummary: summaryOfRefund(refund),
        }),
      ),
    ),
  );
}

export { type Life, readLife } from './life';
export { executeCancel, executeConfirm, type Unheard } from './updates';
