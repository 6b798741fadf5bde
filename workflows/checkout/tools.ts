/** What the parts of a saga share: how it speaks to the world, and how a part of it may come out. */
import { workflowInfo } from '@temporalio/workflow';
import type { LaneSteps } from '../../activities/lane';
import type { CheckoutSettings, Ending } from '../../domain/saga';
import type { Disowned, Elsewhere, OwnedOrder } from '../../infra/mysql/ledger/types';
import type { Member } from './member';

export interface SagaTools {
  readonly steps: LaneSteps;
  readonly settings: CheckoutSettings;
}

/** `elsewhere`, `disowned`: somebody else moved the order, or has it now; the saga follows and writes nothing more. */
export type Outcome =
  | { readonly kind: 'sold' }
  | { readonly kind: 'ends'; readonly ending: Ending }
  | Elsewhere
  | Disowned;

/** Whose writes MariaDB takes: this workflow's. */
export const owned = ({ order }: Member): OwnedOrder => ({
  orderId: order.orderId,
  owner: workflowInfo().workflowId,
});
