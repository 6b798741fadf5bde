/**
 * Spares the gate when MariaDB is down: an acceptance that cannot be recorded must not take units first.
 * Opens after `failuresMax` failures in a row; while open, `probe` is tried at most every `probeMs`, one at a time and not
 * for ever, and its success closes it.
 */
import { inTime } from '../../infra/process/in-time';

export interface BreakerDeps {
  readonly probe: () => Promise<unknown>;
  readonly failuresMax?: number;
  readonly probeMs?: number;
  /** a probe without an answer for this long has failed. ms */
  readonly withinMs?: number;
  readonly now?: () => number;
}

export function createBreaker(deps: BreakerDeps) {
  const { probe, failuresMax = 3, probeMs = 500, withinMs = 2_000, now = Date.now } = deps;
  let failures = 0;
  let nextProbe = 0;
  let isProbing = false;
  return {
    succeeded(): void {
      failures = 0;
    },
    failed(): void {
      failures += 1;
      nextProbe = now() + probeMs;
    },
    /** True when work may be tried. */
    async isClosed(): Promise<boolean> {
      if (failures < failuresMax) return true;
      if (isProbing || now() < nextProbe) return false;
      isProbing = true;
      const isUp = await inTime(probe(), withinMs).then(
        () => true,
        () => false,
      );
      isProbing = false;
      nextProbe = now() + probeMs;
      if (isUp) failures = 0;
      return isUp;
    },
  };
}

export type Breaker = ReturnType<typeof createBreaker>;
