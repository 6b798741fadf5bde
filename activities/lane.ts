/**
 * The lane's one local activity: many steps of many orders in one call. Entries run side by side and are isolated:
 * whatever happens to one is told in its answer, and delays nobody beyond the bound.
 */
import type { ActivityDeps } from './deps';
import { createOrderActivities } from './orders';
import { createPaymentSteps } from './payments';
import { createStockActivities } from './stock';

/** A store that has not answered by then is slow: the entry goes on as an activity of its own. */
const STEP_MS = 2_000;

/** The steps that may travel in the lane: short, idempotent, against our own stores. */
export function createLaneSteps(deps: ActivityDeps) {
  const { reserveStock, settleStock } = createStockActivities(deps);
  const { readOrder, createOrder } = createOrderActivities(deps);
  return { reserveStock, settleStock, readOrder, createOrder, ...createPaymentSteps(deps) };
}
export type LaneSteps = ReturnType<typeof createLaneSteps>;
export type LaneStep = keyof LaneSteps;
export type LaneArgs<N extends LaneStep> = Parameters<LaneSteps[N]>[0];
export type LaneValue<N extends LaneStep> = Awaited<ReturnType<LaneSteps[N]>>;

export type LaneEntry = { readonly [N in LaneStep]: { readonly step: N; readonly args: LaneArgs<N> } }[LaneStep];
export type LaneAnswer =
  | { readonly kind: 'done'; readonly value: LaneValue<LaneStep> }
  /** failed, or not done in time (and may yet be): to be repeated, all steps are idempotent */
  | { readonly kind: 'unfinished'; readonly why: string };

/** @param stepMs milliseconds one entry may take */
export function createLaneActivity(steps: LaneSteps, stepMs = STEP_MS) {
  type AnyStep = (args: LaneEntry['args']) => Promise<LaneValue<LaneStep>>;

  async function walk({ step, args }: LaneEntry): Promise<LaneAnswer> {
    try {
      // The entry's type ties step and arguments together; indexing by a union loses that.
      const value = await (steps[step] as AnyStep)(args);
      return { kind: 'done', value };
    } catch (error) {
      return { kind: 'unfinished', why: error instanceof Error ? error.message : String(error) };
    }
  }

  async function bounded(entry: LaneEntry): Promise<LaneAnswer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<LaneAnswer>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'unfinished', why: `no answer in ${stepMs} ms` }), stepMs);
    });
    try {
      return await Promise.race([walk(entry), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    /** Answers one tagged result per entry, in order; never throws. */
    runLane: (entries: readonly LaneEntry[]): Promise<LaneAnswer[]> => Promise.all(entries.map(bounded)),
  };
}
