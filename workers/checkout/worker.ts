/** The Temporal worker that runs the sagas: options by meaning, and a bundle that is built once. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { Gauge } from 'prom-client';
import type { Activities } from '../../activities';
import type { Config } from '../../infra/process/config';
import type { Metrics } from '../../infra/process/metrics';
import { bundleWorkflows } from '../../infra/temporal/bundle';

/** A pre-built bundle beside the compiled sources; without one the worker bundles at start (seconds). */
const BUILT_BUNDLE = path.join(__dirname, '..', '..', 'workflow-bundle.js');

export const workflowBundle = async (): Promise<WorkflowBundleOption> =>
  existsSync(BUILT_BUNDLE) ? { codePath: BUILT_BUNDLE } : bundleWorkflows(require.resolve('../../workflows'));

export interface WorkerSettings
  extends Pick<Config, 'TEMPORAL_NAMESPACE' | 'TEMPORAL_TASK_QUEUE' | 'WORKER_CACHED_WORKFLOWS'> {}

export async function createCheckoutWorker(
  connection: NativeConnection,
  config: WorkerSettings,
  activities: Activities,
  bundle?: WorkflowBundleOption,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.TEMPORAL_TASK_QUEUE,
    activities,
    workflowBundle: bundle ?? (await workflowBundle()),
    // Below the number of open workflows a payment costs 2.5 times: its workflow is replayed first.
    maxCachedWorkflows: config.WORKER_CACHED_WORKFLOWS,
    // Provider calls wait on the network, mostly; a slow provider must leave room for compensations.
    maxConcurrentActivityTaskExecutions: 200,
    // A workflow task hands over three of its activities at once; the others of a group are fetched, one per poll.
    maxConcurrentActivityTaskPolls: 30,
    // One per workflow that has work: each is up to fifty statements on the pool.
    maxConcurrentLocalActivityExecutions: 40,
    // What is under way at a stop gets this long to finish, then goes to another worker.
    shutdownGraceTime: '8 seconds',
    shutdownForceTime: '12 seconds',
  });
}

/**
 * Lets the worker work until `stop`, which takes no new tasks and waits for those under way.
 * A worker that dies by itself ends the process (the rejection is not caught): whoever supervises starts another.
 */
export function runWorker(worker: Worker, metrics: Metrics): { stop(): Promise<void> } {
  new Gauge({
    name: 'checkout_cached_workflows',
    help: 'sagas kept in memory by this worker',
    registers: [metrics],
    collect() {
      this.set(worker.getStatus().numCachedWorkflows);
    },
  });
  const run = worker.run();
  return {
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await run;
    },
  };
}
