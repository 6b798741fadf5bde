/** Keeps the sweeper's schedule in the engine: an engine that lost its data has lost the schedule too. */
import type { Logger } from '../../infra/process/logger';
import type { Temporal } from '../../infra/temporal/client';
import { ensureSweepSchedule, nudgeSweeper, updateSweepSchedule } from '../../infra/temporal/sweep-schedule';

/** One cheap call; a lost schedule is back within this time plus one interval. */
const CHECK_MS = 20_000;

export function keepSweeping(temporal: Temporal, everyMs: number, logger: Logger): { stop(): void } {
  const warn = (error: unknown): void => logger.warn({ error }, 'sweep schedule not ensured');
  const ensure = async (): Promise<'created' | 'present'> => {
    const outcome = await ensureSweepSchedule(temporal, everyMs);
    if (outcome === 'created') logger.info({ everyMs }, 'sweep schedule created');
    return outcome;
  };
  /** A worker that starts may follow a crash: it looks at once. */
  const begin = async (): Promise<void> => {
    if ((await ensure()) === 'created') return;
    await updateSweepSchedule(temporal, everyMs);
    await nudgeSweeper(temporal);
  };
  begin().catch(warn);
  const timer = setInterval(() => void ensure().catch(warn), CHECK_MS);
  return { stop: () => clearInterval(timer) };
}
