/** Whether a saga lives. */
import type { Temporal } from './client';
import { isGone, orUnavailable } from './failures';

const DESCRIBE_MS = 3_000;

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
