/** Speaking to the saga that owns an order. Whoever is told `unanswered` repeats, or asks MariaDB. */
import { setTimeout as pause } from 'node:timers/promises';
import { cancelUpdateId, confirmUpdateId } from '../../domain/names';
import {
  CANCEL_UPDATE,
  type CancelArgs,
  type CancelRefusal,
  type CancelResult,
  CONFIRM_UPDATE,
  type ConfirmArgs,
  type ConfirmRefusal,
  type ConfirmResult,
  type SagaPhase,
} from '../../domain/saga';
import type { Temporal } from './client';
import { isGone, isUnanswered, orUnavailable, refusalOf } from './failures';
import { readLife } from './life';

/** on top of what the workflow itself waits before it answers `pending` */
const ANSWER_SLACK_MS = 2_000;
/** From the claim (the owner is in MariaDB) to the start of its workflow: milliseconds, seconds under load. */
const STARTING_MS = 2_000;
const STARTING_STEP_MS = 40;

/** `gone`: the owner has ended or is not known; `unanswered`: it did not answer in time, and may yet act. */
export type Unheard = { readonly kind: 'gone' } | { readonly kind: 'unanswered' };

/**
 * Gives a buyer's payment to the order's owner and waits for the provider's answer.
 * Safe to repeat: the update id is made of order and payment key. `answerMs` as in the saga's settings.
 * @throws Problem('unavailable') when the engine was not reached; it may have taken the payment all the same
 */
export function executeConfirm(
  temporal: Temporal,
  call: { readonly owner: string; readonly answerMs: number } & ConfirmArgs,
): Promise<ConfirmResult | Unheard> {
  const { owner, answerMs, orderId, paymentKey, amount } = call;
  return hear<ConfirmResult, ConfirmRefusal>(temporal, owner, () =>
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
 * @throws Problem('unavailable') when the engine was not reached; it may have taken the cancel all the same
 */
export function executeCancel(
  temporal: Temporal,
  call: { readonly owner: string; readonly key: string; readonly answerMs: number } & CancelArgs,
): Promise<CancelResult | Unheard> {
  const { owner, key, answerMs, orderId } = call;
  return hear<CancelResult, CancelRefusal>(temporal, owner, () =>
    temporal.within(answerMs + ANSWER_SLACK_MS, () =>
      temporal.client.workflow.getHandle(owner).executeUpdate<CancelResult, [CancelArgs]>(CANCEL_UPDATE, {
        updateId: cancelUpdateId(orderId, key),
        args: [{ orderId }],
      }),
    ),
  );
}

type Refused<Code> = { readonly kind: 'refused'; readonly code: Code; readonly status: SagaPhase };

/** An owner that is missing may be about to start; one that has ended stays gone. */
async function hear<R extends { readonly kind: string }, Code extends string>(
  temporal: Temporal,
  owner: string,
  call: () => Promise<R>,
): Promise<R | Unheard | Refused<Code>> {
  const giveUpAt = Date.now() + STARTING_MS;
  for (;;) {
    const heard = await hearOnce<R, Code>(call);
    if (heard.kind !== 'gone' || Date.now() > giveUpAt) return heard;
    if ((await readLife(temporal, owner)) === 'closed') return heard;
    await pause(STARTING_STEP_MS);
  }
}

async function hearOnce<R, Code extends string>(call: () => Promise<R>): Promise<R | Unheard | Refused<Code>> {
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
