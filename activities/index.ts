/** All that a workflow can cause. Every step of the lane is also an activity of its own, under the same name. */
import type { ActivityDeps } from './deps';
import { createLaneActivity, createLaneSteps } from './lane';
import { createOrderActivities } from './orders';
import { createPaymentSteps, createProviderActivities } from './payments';
import { createRefundActivities } from './refunds';
import { createStockActivities } from './stock';
import { createSweepActivities } from './sweep';

export type { ActivityDeps, Engine } from './deps';

export function createActivities(deps: ActivityDeps) {
  return {
    ...createStockActivities(deps),
    ...createOrderActivities(deps),
    ...createPaymentSteps(deps),
    ...createProviderActivities(deps),
    ...createRefundActivities(deps),
    ...createSweepActivities(deps),
    ...createLaneActivity(createLaneSteps(deps)),
  };
}
export type Activities = ReturnType<typeof createActivities>;
