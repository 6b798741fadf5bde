/** The engine as activities use it. */
import type { Engine } from '../../activities';
import type { Temporal } from '../../infra/temporal/client';
import { readLife, startCheckout, startRefund } from '../../infra/temporal/starts';

export const createEngine = (temporal: Temporal): Engine => ({
  startCheckout: (start) => startCheckout(temporal, start),
  startRefund: (refund) => startRefund(temporal, refund),
  readLife: (workflowId) => readLife(temporal, workflowId),
});
