/** What the gate worker measures. */
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../infra/process/metrics';
import type { DriftReport } from '../../infra/redis/drift';

export interface GateMeasures {
  rebuilt(seconds: number): void;
  compared(report: DriftReport): void;
  /** generation under which the gate is open; null: closed */
  seen(generation: number | null): void;
}

export function createGateMeasures(metrics: Metrics): GateMeasures {
  const registers = [metrics];
  const generation = new Gauge({ name: 'gate_generation', help: 'generation of the open gate; 0: closed', registers });
  const rebuilds = new Counter({ name: 'gate_rebuilds_total', help: 'rebuilds from MariaDB', registers });
  const seconds = new Gauge({ name: 'gate_rebuild_seconds', help: 'duration of the latest rebuild', registers });
  const repaired = new Counter({ name: 'gate_drift_repaired_total', help: 'products corrected', registers });
  const units = new Counter({ name: 'gate_drift_units_total', help: 'units by which products were off', registers });
  const holds = new Counter({ name: 'gate_stale_holds_total', help: 'holds removed by the drift check', registers });
  return {
    rebuilt(took) {
      rebuilds.inc();
      seconds.set(took);
    },
    compared(report) {
      repaired.inc(report.repaired.length);
      for (const difference of report.repaired) units.inc(Math.abs(difference.units));
      holds.inc(report.removedHolds);
    },
    seen: (open) => generation.set(open ?? 0),
  };
}
