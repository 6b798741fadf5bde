/**
 * What has to be undone if the story ends badly. An undo is registered before its step (which may have happened even
 * when its answer was lost), is harmless when the step never happened, and is retried without end by its activity:
 * nothing is swallowed.
 */
import { CancellationScope } from '@temporalio/workflow';

export interface Compensations<Why> {
  add(name: string, undo: (why: Why) => Promise<unknown>): void;
  /** Undoes all, last first, whatever cancels the workflow meanwhile. */
  run(why: Why): Promise<void>;
}

/** @param onRun hears each undo by name, before it runs */
export function createCompensations<Why>(onRun: (name: string, why: Why) => void): Compensations<Why> {
  const undos: { readonly name: string; readonly undo: (why: Why) => Promise<unknown> }[] = [];
  return {
    add: (name, undo) => {
      undos.push({ name, undo });
    },
    run: (why) =>
      CancellationScope.nonCancellable(async () => {
        for (const { name, undo } of undos.reverse()) {
          onRun(name, why);
          await undo(why);
        }
      }),
  };
}
