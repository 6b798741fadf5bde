/** Replays histories against a bundle of workflows. */
import { DefaultLogger, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../infra/temporal/bundle';

export interface Recorded {
  readonly workflowId: string;
  /** as the server gives it, or as JSON */
  readonly history: unknown;
}

const silent = new DefaultLogger('ERROR', () => undefined);

/** @param folder of workflows, relative to the root of the project: `workflows`, `tests/replay/reordered` */
export const bundleOf = (folder: string): Promise<{ code: string }> =>
  bundleWorkflows(require.resolve(`../../${folder}`), silent);

/** Null, or why the history does not fit these workflows. */
export async function replay(workflowBundle: { code: string }, recorded: Recorded): Promise<string | null> {
  try {
    await Worker.runReplayHistory({ workflowBundle }, recorded.history, recorded.workflowId);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
