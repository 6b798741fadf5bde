/** The checkout worker: runs the sagas, their activities, refunds and the sweeper. */
import { NativeConnection } from '@temporalio/worker';
import { createActivities } from '../../activities';
import { readConfig } from '../../infra/process/config';
import { runProcess, serveHealth } from '../../infra/process/lifecycle';
import { sagaUrl } from '../../infra/temporal/client';
import { temporalEndpoint } from '../../infra/temporal/connection';
import { CONNECT_SETTINGS, connectDeps, openTemporal } from './connect';
import { installRuntime } from './runtime';
import { keepSweeping } from './sweeping';
import { createCheckoutWorker, runWorker } from './worker';

runProcess({
  name: 'checkout',
  start: async (context) => {
    const { logger, metrics, releasers } = context;
    const config = readConfig([
      ...CONNECT_SETTINGS,
      'WORKER_CACHED_WORKFLOWS',
      'SWEEP_EVERY_MS',
      'HOST',
      'METRICS_PORT',
    ]);
    const temporal = openTemporal(config, releasers);
    installRuntime(logger, (workflowId) => sagaUrl(temporal, workflowId));
    const deps = await connectDeps(config, temporal, context);
    const connection = await NativeConnection.connect(temporalEndpoint(config));
    releasers.add('temporal worker connection', () => connection.close());

    const worker = await createCheckoutWorker(connection, config, createActivities(deps));
    const running = runWorker(worker, metrics);
    const sweeping = keepSweeping(temporal, config.SWEEP_EVERY_MS, logger);
    const health = await serveHealth({
      port: config.METRICS_PORT,
      host: config.HOST,
      ready: () => worker.getState() === 'RUNNING',
      metrics,
    });
    releasers.add('health', () => health.close());
    return {
      stop: async () => {
        sweeping.stop();
        await running.stop();
      },
    };
  },
});
