/** The schedule that lets the sweeper look for orders without a living owner. */
import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { SWEEP_SCHEDULE_ID } from '../../domain/names';
import { SWEEP_WORKFLOW } from '../../domain/saga';
import type { Temporal } from './client';
import { orUnavailable } from './failures';

const CALL_MS = 5_000;

/**
 * Makes the schedule if it is not there, and lets it run at once. Called again and again by the worker:
 * an engine that lost its data has lost the schedule too.
 */
export function ensureSweepSchedule(temporal: Temporal, everyMs: number): Promise<'created' | 'present'> {
  return orUnavailable(async () => {
    try {
      await temporal.within(CALL_MS, () =>
        temporal.client.schedule.create({ scheduleId: SWEEP_SCHEDULE_ID, ...scheduleOf(temporal, everyMs) }),
      );
      return 'created';
    } catch (error) {
      if (error instanceof ScheduleAlreadyRunning) return 'present';
      throw error;
    }
  });
}

/** A schedule of an earlier configuration takes the interval and task queue of this one. */
export function updateSweepSchedule(temporal: Temporal, everyMs: number): Promise<void> {
  return orUnavailable(() =>
    temporal.within(CALL_MS, () =>
      temporal.client.schedule.getHandle(SWEEP_SCHEDULE_ID).update(() => scheduleOf(temporal, everyMs)),
    ),
  );
}

const scheduleOf = ({ taskQueue }: Temporal, everyMs: number) => ({
  spec: { intervals: [{ every: everyMs }] },
  action: { type: 'startWorkflow' as const, workflowType: SWEEP_WORKFLOW, taskQueue, args: [] },
  // A round that takes longer than the interval is not joined by a second one.
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' as const },
  state: { triggerImmediately: true },
});

/**
 * Lets the sweeper look now: somebody met an order whose owner is gone. Never throws for a missing schedule.
 * The engine names rounds by the second in which they are due, so a nudge in the second of another round begins none: who
 * needs a look nudges again, as a pursued payment does every second; for everybody else the interval is the net.
 */
export function nudgeSweeper(temporal: Temporal): Promise<void> {
  return orUnavailable(async () => {
    try {
      await temporal.within(CALL_MS, () =>
        temporal.client.schedule.getHandle(SWEEP_SCHEDULE_ID).trigger(ScheduleOverlapPolicy.BUFFER_ONE),
      );
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  });
}
