/** Keeps the sweeper's schedule in the engine: an engine that lost its data has lost the schedule too. */
import type { Logger } from '../../infra/process/logger';
import type { Temporal } from '../../infra/temporal/client';
import { ensureSweepSchedule } from '../../infra/temporal/sweep-schedule';

/** One cheap call; a lost schedule is back within this time plus one interval. */
const CHECK_MS = 20_000;

export function keepSweeping(temporal: Temporal, everyMs: number, logger: Logger): { stop(): void } {
  const ensure = (): void => {
    ensureSweepSchedule(temporal, everyMs).then(
      (outcome) => outcome === 'created' && logger.info({ everyMs }, 'sweep schedule created'),
      (error: unknown) => logger.warn({ error }, 'sweep schedule not ensured'),
    );
  };
  ensure();
  const timer = setInterval(ensure, CHECK_MS);
  return { stop: () => clearInterval(timer) };
}
