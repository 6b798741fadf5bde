/**
 * One lane: a workflow never has more than one local activity outstanding. Steps asked for while one is out gather,
 * and go together as the next one. Side by side, local activities do not replay: live, each resolves in an activation
 * of its own, on replay together. With one outstanding, both runs see the same order.
 */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { LaneAnswer, LaneArgs, LaneEntry, LaneStep, LaneSteps, LaneValue } from '../activities/lane';
import { activities } from './proxies';

interface Waiting {
  readonly entry: LaneEntry;
  readonly resolve: (value: LaneValue<LaneStep>) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the lane of this workflow: call once, before the first step. Steps read as `await steps.createOrder(…)`. */
export function createLane(): LaneSteps {
  const waiting: Waiting[] = [];
  // Compensations travel here too, after somebody has cancelled the workflow.
  void CancellationScope.nonCancellable(() => travel(waiting));
  return new Proxy({} as LaneSteps, {
    get: (_target, step) => (args: LaneArgs<LaneStep>) =>
      new Promise<LaneValue<LaneStep>>((resolve, reject) => {
        waiting.push({ entry: { step, args } as LaneEntry, resolve, reject });
      }),
  });
}

/** Conditions are looked at when an activation ends, so all that one activation woke travels together. */
async function travel(waiting: Waiting[]): Promise<never> {
  for (;;) {
    await condition(() => waiting.length > 0);
    const batch = waiting.splice(0);
    const answers = await callLane(batch.map((each) => each.entry));
    for (const [index, each] of batch.entries()) deliver(each, answers?.[index]);
  }
}

/** Null: the call as a whole failed (timed out, or the worker was stopped), so no entry is known to be done. */
async function callLane(entries: LaneEntry[]): Promise<readonly LaneAnswer[] | null> {
  try {
    return await activities.lane.runLane.executeWithOptions({ summary: summaryOf(entries) }, [entries]);
  } catch {
    return null;
  }
}

function deliver({ entry, resolve, reject }: Waiting, answer: LaneAnswer | undefined): void {
  if (answer?.kind === 'done') resolve(answer.value);
  else walkAlone(entry).then(resolve, reject);
}

/** Visible in the Web UI, retried until it is done; delays nobody else. */
function walkAlone({ step, args }: LaneEntry): Promise<LaneValue<LaneStep>> {
  type AnyStep = {
    executeWithOptions(options: { summary: string }, args: [LaneEntry['args']]): Promise<LaneValue<LaneStep>>;
  };
  return (activities.stores[step] as AnyStep).executeWithOptions({ summary: args.orderId }, [args]);
}

/** `ord_… +24: createOrder ×25` */
function summaryOf(entries: readonly LaneEntry[]): string {
  const counts = new Map<string, number>();
  for (const { step } of entries) counts.set(step, (counts.get(step) ?? 0) + 1);
  const steps = [...counts].map(([step, count]) => (count > 1 ? `${step} ×${count}` : step)).join(', ');
  const others = entries.length > 1 ? ` +${entries.length - 1}` : '';
  return `${entries[0]?.args.orderId}${others}: ${steps}`;
}
