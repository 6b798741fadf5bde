/**
 * Spares the gate when MariaDB is down: an acceptance that cannot be recorded must not take units first.
 * Opens after `failuresMax` failures in a row; while open, `probe` is tried at most every `probeMs`, and its success closes it.
 */
export interface BreakerDeps {
  readonly probe: () => Promise<unknown>;
  readonly failuresMax?: number;
  readonly probeMs?: number;
  readonly now?: () => number;
}

export function createBreaker({ probe, failuresMax = 3, probeMs = 500, now = Date.now }: BreakerDeps) {
  let failures = 0;
  let nextProbe = 0;
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
      if (now() < nextProbe) return false;
      nextProbe = now() + probeMs;
      const isUp = await probe().then(
        () => true,
        () => false,
      );
      if (isUp) failures = 0;
      return isUp;
    },
  };
}

export type Breaker = ReturnType<typeof createBreaker>;
