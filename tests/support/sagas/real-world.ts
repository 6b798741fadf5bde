/**
 * The whole saga side on real servers: ledger on MariaDB, Temporal's server, worker and dispatcher as they run in
 * production (in this process), the provider's sandbox. Only the gate is a counter: it has its own tests.
 */
import { NativeConnection } from '@temporalio/worker';
import { type ActivityDeps, createActivities } from '../../../activities';
import type { ConfirmResult } from '../../../domain/saga';
import type { Reservation } from '../../../infra/mysql/ledger';
import { createLogger } from '../../../infra/process/logger';
import { createProvider } from '../../../infra/provider/provider';
import { createTemporal, sagaUrl, type Temporal } from '../../../infra/temporal/client';
import { executeConfirm, startCheckout, type Unheard } from '../../../infra/temporal/starts';
import { createEngine } from '../../../workers/checkout/engine';
import { createCheckoutWorker } from '../../../workers/checkout/worker';
import { type Dispatcher, startDispatcher } from '../../../workers/dispatcher/dispatcher';
import { createLedgerFixture, type LedgerFixture, orderOf } from '../../integration/support/ledger';
import { removeDir, type SandboxClient, SECRET_KEY, sandboxClient, startTestSandbox, tempDir } from '../sandbox';
import { testTemporal } from '../servers';
import { until } from '../until';
import { untilHeard } from './until-heard';
import { bundle } from './world';

export interface RealWorld extends LedgerFixture {
  readonly temporal: Temporal;
  readonly sandbox: SandboxClient;
  readonly settings: ActivityDeps['settings'];
  /** orders the gate was asked to follow, and adjustments it was given, in order */
  readonly gateCalls: { readonly synced: string[]; readonly adjusted: { productId: string; delta: number }[] };
  readonly deps: ActivityDeps;
  startWorker(): Promise<{ stop(): Promise<void> }>;
  startDispatcher(options?: { groupMax?: number; inFlightMax?: number }): Dispatcher;
  /** Accepted orders of a product, one after the other. */
  accept(productId: string, count: number): Promise<Reservation[]>;
  /** Waits until the order has an owner. */
  ownerOf(order: Pick<Reservation, 'orderId'>): Promise<string>;
  /** Authorises at the sandbox and confirms through the order's owner. */
  pay(order: Reservation, options?: { card?: string }): Promise<ConfirmResult | Unheard>;
  /** Waits until MariaDB shows the status. */
  reaches(orderId: string, status: string, within?: number): Promise<void>;
  stop(): Promise<void>;
}

export async function createRealWorld(changes: Partial<ActivityDeps['settings']> = {}): Promise<RealWorld> {
  const settings = { holdMs: 60_000, attemptsMax: 3, answerMs: 3_000, ...changes };
  const fixture = await createLedgerFixture();
  const dir = await tempDir();
  const sandboxServer = await startTestSandbox({ dir });
  const sandbox = sandboxClient(sandboxServer.url);
  const provider = createProvider({ baseUrl: sandboxServer.url, secretKey: SECRET_KEY, timeoutMs: 1_500 });
  const { address, namespace, taskQueue, uiUrl } = testTemporal();
  const config = {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_TASK_QUEUE: taskQueue,
    TEMPORAL_API_KEY: undefined,
    TEMPORAL_UI_URL: uiUrl,
  };
  const temporal = createTemporal(config);
  const connection = await NativeConnection.connect({ address });
  const gateCalls: RealWorld['gateCalls'] = { synced: [], adjusted: [] };
  const deps: ActivityDeps = {
    ledger: fixture.ledger,
    gate: {
      adopt: async () => 'adopted',
      syncHold: async (orderId) => {
        const verdict = await fixture.ledger.holdVerdict(orderId);
        if (verdict.kind === 'keep') return 'kept';
        gateCalls.synced.push(orderId);
        return 'removed';
      },
      applyAdjustment: async (adjustment) => void gateCalls.adjusted.push(adjustment),
    },
    provider,
    engine: createEngine(temporal),
    settings,
    tellNews: () => undefined,
  };

  const ownerOf: RealWorld['ownerOf'] = ({ orderId }) =>
    until(async () => (await orderOf(fixture.sql, orderId))?.owner, {
      within: 15_000,
      what: `${orderId} has an owner`,
    });
  return {
    ...fixture,
    temporal,
    sandbox,
    settings,
    gateCalls,
    deps,
    startWorker: async () => {
      const worker = await createCheckoutWorker(
        connection,
        { ...config, WORKER_CACHED_WORKFLOWS: 200 },
        createActivities(deps),
        await bundle(),
      );
      const run = worker.run();
      return {
        stop: async () => {
          worker.shutdown();
          await run;
        },
      };
    },
    startDispatcher: ({ groupMax = 25, inFlightMax = 300 } = {}) =>
      startDispatcher({
        ledger: fixture.ledger,
        start: (claim) => startCheckout(temporal, { ...claim, settings }),
        syncHold: async () => undefined,
        groupMax,
        inFlightMax,
        sagaUrl: (owner) => sagaUrl(temporal, owner),
        logger: createLogger('dispatcher', 'silent'),
      }),
    async accept(productId, count) {
      const orders: Reservation[] = [];
      for (let n = 0; n < count; n += 1) orders.push(await fixture.accepted(productId));
      return orders;
    },
    ownerOf,
    pay: async ({ orderId, amount }, { card } = {}) => {
      const paymentKey = await sandbox.authorize({ orderId, amount, ...(card ? { card } : {}) });
      const owner = await ownerOf({ orderId });
      const { answerMs } = settings;
      return untilHeard(() => executeConfirm(temporal, { owner, answerMs, orderId, paymentKey, amount }));
    },
    reaches: async (orderId, status, within = 20_000) => {
      await until(async () => (await orderOf(fixture.sql, orderId))?.status === status, {
        within,
        what: `${orderId} is ${status}`,
      });
    },
    stop: async () => {
      await temporal.close();
      await connection.close();
      await provider.close();
      await sandboxServer.stop();
      await fixture.destroy();
      await removeDir(dir);
    },
  };
}
