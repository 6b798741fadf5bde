/** What recorded histories went through: a replay of histories in which nothing happened proves nothing. */
import type { History } from '@temporalio/common/lib/proto-utils';
import { tsToMs } from '@temporalio/common/lib/time';
import type { LaneStep } from '../../activities/lane';
import { CANCEL_UPDATE, CONFIRM_UPDATE } from '../../domain/saga';

type HistoryEvent = NonNullable<History['events']>[number];

const LANE_STEPS: Record<LaneStep, true> = {
  reserveStock: true,
  createOrder: true,
  beginPayment: true,
  markUnknown: true,
  completeOrder: true,
  recordDecline: true,
  settleStock: true,
  readOrder: true,
};

const accepts = (update: string) => (event: HistoryEvent) =>
  event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name === update;
/** Failed in the lane, or too slow for it: went on as an activity of its own. */
const leavesLane = (event: HistoryEvent) =>
  (event.activityTaskScheduledEventAttributes?.activityType?.name ?? '') in LANE_STEPS;

/** How often each thing happened, in all of them together. */
export function countsOf(histories: readonly History[]) {
  const events = histories.flatMap((history) => history.events ?? []);
  const count = (happened: (event: HistoryEvent) => unknown): number => events.filter(happened).length;
  return {
    'accepted payments': count(accepts(CONFIRM_UPDATE)),
    'accepted cancels': count(accepts(CANCEL_UPDATE)),
    'fired timers': count((event) => event.timerFiredEventAttributes),
    'steps that left the lane': count(leavesLane),
  };
}

/** How long each activity ran, ms, shortest first. */
export function durationsOf(histories: readonly History[]): readonly number[] {
  const durations = histories.flatMap(({ events }) => {
    const startOf = new Map(events?.map(({ eventId, eventTime }) => [String(eventId), tsToMs(eventTime)]));
    return (events ?? []).flatMap(({ eventTime, activityTaskCompletedEventAttributes: completed }) =>
      completed ? [tsToMs(eventTime) - (startOf.get(String(completed.startedEventId)) ?? 0)] : [],
    );
  });
  return durations.sort((a, b) => a - b);
}

/** The cache of one worker, by the metrics of its process: histories do not show when a workflow left it. */
export async function cacheCounts(metricsAddress: string, taskQueue: string) {
  const text = await (await fetch(`http://${metricsAddress}/metrics`)).text();
  const ours = text.split('\n').filter((line) => line.includes(`task_queue="${taskQueue}"`));
  const read = (metric: string): number => {
    const line = ours.find((each) => each.startsWith(`temporal_${metric}{`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return {
    'evictions from the cache': read('sticky_cache_total_forced_eviction'),
    'workflows that came back after an eviction': read('sticky_cache_miss'),
  };
}
