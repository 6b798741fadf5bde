/** The Prometheus registry of one process. Each owner of a metric builds it with `registers: [metrics]`. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export type Metrics = Registry;

/**
 * @param name the process, as label `process` of every series
 * @returns a registry of its own, so that several systems in one test process do not clash
 */
export function createMetrics(name: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ process: name });
  collectDefaultMetrics({ register: registry });
  return registry;
}
