/** Turns the engine's errors into ours, here and nowhere else. */
import {
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Problem } from '../../domain/errors';
import { REFUSED, type Refusal } from '../../domain/saga';

/** gRPC status numbers that mean "not reached, or not now": UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE … */
const AWAY = new Set([1, 2, 4, 8, 10, 14]);

const grpcCode = (error: unknown): number | undefined => {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : undefined;
};

/** The server's word for an Update that was accepted by a workflow which ended before it answered. */
const ENDED_BEFORE_ANSWER = 'AcceptedUpdateCompletedWorkflow';

/** The workflow is not there, or has ended: an Update cannot be given to it, or will never be answered by it. */
export const isGone = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError ||
  (error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === ENDED_BEFORE_ANSWER);

const DEADLINE_EXCEEDED = 4;
/** The server takes no Update while the workflow's tasks fail or time out, as after a worker died in the middle of one. */
const FAILED_PRECONDITION = 9;

/** No answer within the deadline, or none now: the call may have had its effect, or may still have it. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
  [DEADLINE_EXCEEDED, FAILED_PRECONDITION].includes(grpcCode(error) ?? 0);

/** The validator's no, if that is what the error is. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof WorkflowUpdateFailedError)) return null;
  const cause = error.cause;
  if (!(cause instanceof ApplicationFailure) || cause.type !== REFUSED) return null;
  return (cause.details?.[0] as Refusal | undefined) ?? null;
}

/**
 * Runs a call and renames what means "the engine is away" to the problem `unavailable` (503, come again).
 * @throws Problem('unavailable'), or whatever else the call threw
 */
export async function orUnavailable<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = grpcCode(error);
    if (code !== undefined && AWAY.has(code)) {
      throw new Problem('unavailable', { detail: 'The saga engine does not answer', retryAfterS: 1 }, { cause: error });
    }
    throw error;
  }
}
