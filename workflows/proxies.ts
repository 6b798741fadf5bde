/** What the sagas may cause, grouped by how long it may take. All of it is retried without end unless said otherwise. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';

/** Our own stores: 10 s is far above the worst commit, and short enough to move on from a worker that died. */
const stores = proxyActivities<Activities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '200 milliseconds', backoffCoefficient: 2, maximumInterval: '10 seconds' },
});

/** One provider call (its own timeout is shorter). The answer `unknown` is a value, so a retry means: the worker died. */
const provider = proxyActivities<Activities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

/** Up to three provider calls in a row; repeated until the provider says. */
const asking = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

/** A round over all open orders; a worker that died is noticed by the missing heartbeat. */
const sweeping = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { maximumAttempts: 3 },
});

/**
 * The lane's local activity: entries are bounded by 2 s each, so 8 s mean the worker itself is in trouble;
 * the lane then sends its entries on as activities of their own, hence no retry here.
 */
const lane = proxyLocalActivities<Activities>({
  startToCloseTimeout: '8 seconds',
  retry: { maximumAttempts: 1 },
});

export const activities = { stores, provider, asking, sweeping, lane };
