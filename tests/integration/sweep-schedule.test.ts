/** The sweeper's schedule, in a namespace of its own: a schedule has one name per namespace. */
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { SWEEP_SCHEDULE_ID } from '../../domain/names';
import { createLogger } from '../../infra/process/logger';
import { createTemporal, type Temporal } from '../../infra/temporal/client';
import { ensureSweepSchedule, nudgeSweeper, updateSweepSchedule } from '../../infra/temporal/sweep-schedule';
import { keepSweeping } from '../../workers/checkout/sweeping';
import { bundle } from '../support/sagas/world';
import { testTemporal, uniqueName } from '../support/servers';
import { until } from '../support/until';

const { address, taskQueue, uiUrl } = testTemporal();
const namespace = uniqueName('sweeps-');
let temporal: Temporal;
let worker: Worker;
let running: Promise<void>;
let connection: NativeConnection;
let rounds = 0;
/** ms since the epoch */
let newestRoundAt = 0;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  const admin = await Connection.connect({ address });
  await admin.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') });
  await admin.close();
  temporal = createTemporal({
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_TASK_QUEUE: taskQueue,
    TEMPORAL_API_KEY: undefined,
    TEMPORAL_UI_URL: uiUrl,
  });
  // The server's parts learn of a new namespace one after the other.
  await until(() => ensureSweepSchedule(temporal, 3_600_000), { within: 30_000, what: 'the namespace can be used' });
  connection = await NativeConnection.connect({ address });
  const activities = {
    sweepOrders: async () => {
      rounds += 1;
      newestRoundAt = Date.now();
      return 0;
    },
    sweepRefunds: async () => 0,
  };
  worker = await until(
    async () => Worker.create({ connection, namespace, taskQueue, activities, workflowBundle: await bundle() }),
    { within: 30_000, what: 'a worker in the namespace' },
  );
  running = worker.run();
}, 90_000);
afterAll(async () => {
  worker?.shutdown();
  await running;
  await connection?.close();
  await temporal?.close();
});

const everyMs = async () => {
  const { spec } = await temporal.client.schedule.getHandle(SWEEP_SCHEDULE_ID).describe();
  return spec.intervals?.[0]?.every;
};
const oneMore = async () => {
  const before = rounds;
  await until(() => rounds > before, { within: 20_000, what: 'another round' });
};

test('When the schedule is made, then a round begins at once, and a second worker finds it there', async () => {
  await until(() => rounds > 0, { within: 20_000, what: 'a first round' });
  expect(await ensureSweepSchedule(temporal, 3_600_000)).toBe('present');
});

test('When somebody met an order without an owner, then a nudge begins a round', async () => {
  // The engine names rounds by their second: in that of the first round a nudge would begin none.
  const secondOf = (at: number): number => Math.floor(at / 1_000);
  await until(() => secondOf(Date.now()) > secondOf(newestRoundAt), { within: 2_000, what: 'the next second' });
  const seen = oneMore();
  await nudgeSweeper(temporal);
  await seen;
});

test('When the interval was changed, then the schedule follows, and rounds come by themselves', async () => {
  await updateSweepSchedule(temporal, 1_000);
  expect(await everyMs()).toBe(1_000);
  await oneMore();
  await oneMore();
});

test('When the engine lost the schedule, then a worker that starts makes it again', async () => {
  await temporal.client.schedule.getHandle(SWEEP_SCHEDULE_ID).delete();
  const sweeping = keepSweeping(temporal, 7_000, createLogger('sweeping', 'silent'));

  await until(async () => (await everyMs()) === 7_000, { within: 20_000, what: 'the schedule is back' });

  sweeping.stop();
  await temporal.client.schedule.getHandle(SWEEP_SCHEDULE_ID).delete();
  await expect(nudgeSweeper(temporal)).resolves.toBeUndefined();
});
