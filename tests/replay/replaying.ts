/** Replays histories against a bundle of workflows. */
import type { temporal } from '@temporalio/proto';
import { DefaultLogger, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../infra/temporal/bundle';

export type History = temporal.api.history.v1.IHistory;

const silent = new DefaultLogger('ERROR', () => undefined);

/** @param folder of workflows, relative to the root of the project: `workflows`, `tests/replay/reordered` */
export const bundleOf = (folder: string): Promise<{ code: string }> =>
  bundleWorkflows(require.resolve(`../../${folder}`), silent);

/** Null, or why the history does not fit these workflows. */
export async function replay(workflowBundle: { code: string }, history: History | unknown): Promise<string | null> {
  try {
    await Worker.runReplayHistory({ workflowBundle }, history);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
