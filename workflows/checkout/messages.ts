/**
 * The handles by which one speaks to a checkout workflow; the shapes are in `domain/saga.ts`, so that
 * infrastructure can name them too. Clients import this file and nothing else of the workflow.
 */
import { defineQuery, defineUpdate } from '@temporalio/workflow';
import {
  CANCEL_UPDATE,
  type CancelArgs,
  type CancelResult,
  CONFIRM_UPDATE,
  type ConfirmArgs,
  type ConfirmResult,
  MEMBER_QUERY,
  type MemberStory,
} from '../../domain/saga';

export * from '../../domain/saga';

/**
 * Pay an order: the saga pays, the Update waits. What state, amount or attempts forbid is refused by the validator
 * before it is written anywhere: an ApplicationFailure of type REFUSED whose first detail is a `Refusal`
 * (`infra/temporal` turns it into `kind: 'refused'`).
 */
export const confirmPayment = defineUpdate<ConfirmResult, [ConfirmArgs]>(CONFIRM_UPDATE);

/** Cancel an order nobody is paying for. Refusals as above. */
export const cancelOrder = defineUpdate<CancelResult, [CancelArgs]>(CANCEL_UPDATE);

/** The story of one member by its order id; null when it is none of this workflow's. */
export const member = defineQuery<MemberStory | null, [string]>(MEMBER_QUERY);
