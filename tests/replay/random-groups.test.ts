/**
 * Groups as they come: any size, buyers and steps of any speed, payments, cancels and deadlines in any order, steps that
 * fail, and a cache so small that workflows are evicted all the time. Whatever happened must replay, and all of it must
 * have happened.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { Problem } from '../../domain/errors';
import { isOpen } from '../../domain/order';
import type { SagaOrder } from '../../domain/saga';
import { PATH_NAMES, type PathName, walk } from '../support/sagas/paths';
import { createWorld, SETTINGS, someOrder, type World } from '../support/sagas/world';
import { freePort, testServers } from '../support/servers';
import { cacheCounts, countsOf, durationsOf } from './evidence';
import { bundleOf, replay } from './replaying';

/** a buyer who was told to come again does so after */
const AGAIN_MS = 1_000;
const SEED = Number(process.env.RANDOM_SEED ?? Date.now() % 1_000_000);

/** mulberry32: the same numbers for the same seed */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
/** Drawn before anything runs, so that the seed alone decides what buyers do. */
const random = randomFrom(SEED);
const below = (n: number): number => Math.floor(random() * n);
const oneOf = (names: readonly PathName[]): PathName => names[below(names.length)] ?? 'paid';

interface Buyer {
  readonly path: PathName;
  readonly comesAfterMs: number;
}
interface Group {
  readonly holdMs: number;
  readonly buyers: readonly Buyer[];
}
const someGroup = (size: number): Group => ({
  holdMs: 1_500 + below(4_000),
  buyers: Array.from({ length: size }, () => ({ path: oneOf(PATH_NAMES), comesAfterMs: below(2_500) })),
});
const GROUPS = Array.from({ length: 12 }, (_, n) => someGroup(n === 0 ? 1 : 2 + below(24)));

const FRAGILE = ['openOrder', 'beginPayment', 'recordCapture', 'recordDecline', 'endOrder', 'syncHold', 'adopt'];
const FAILURES = FRAGILE.map((step) => ({ step, times: 1 + below(5) }));

/** Most steps are quick, some are not, a few are so slow that the lane goes on without them. */
const speed = randomFrom(SEED + 1);
const latencyMs = (): number => (speed() < 0.01 ? 2_300 : speed() * (speed() < 0.2 ? 250 : 15));

let world: World;
let metrics: string;
let release: () => Promise<void>;
beforeAll(async () => {
  metrics = `127.0.0.1:${await freePort()}`;
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { metrics: { prometheus: { bindAddress: metrics } } },
  });
  const { temporal: address } = testServers();
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  world = await createWorld({
    client: new Client({ connection }),
    connection: native,
    now: async () => Date.now(),
    maxCachedWorkflows: 3,
    latencyMs,
  });
  release = async () => {
    await world.stop();
    await native.close();
    await connection.close();
  };
});
afterAll(() => release?.());

const statusOf = ({ orderId }: SagaOrder) => world.ledger.orders.get(orderId)?.status ?? 'QUEUED';

/** The engine is away. */
const isAway = (error: unknown): boolean => error instanceof Problem && error.code === 'unavailable';

/** The buyer waited for an order that was not open yet, or had ended before. */
const isNotOpen = (error: unknown, { orderId }: SagaOrder): boolean =>
  error instanceof Error && error.message.endsWith(`ms: ${orderId} is open`);

/** A buyer who is told to come again does, until the order has ended. All other failures are the test's. */
async function actOut(owner: string, order: SagaOrder, { path, comesAfterMs }: Buyer): Promise<void> {
  await pause(comesAfterMs);
  for (;;) {
    try {
      return await walk(world, owner, order, path);
    } catch (error) {
      if (!isAway(error) && !isNotOpen(error, order)) throw error;
    }
    await pause(AGAIN_MS);
    if (!isOpen(statusOf(order))) return;
  }
}

async function actOutGroup({ holdMs, buyers }: Group): Promise<string> {
  const orders = buyers.map(() => someOrder());
  const owner = `random-${orders[0]?.orderId}`;
  await world.start(orders, { owner, settings: { ...SETTINGS, holdMs } });
  await Promise.all(buyers.map((buyer, n) => actOut(owner, orders[n] as SagaOrder, buyer)));
  await world.temporal.client.workflow.getHandle(owner).result();
  return owner;
}

const fetchHistory = (owner: string) => world.temporal.client.workflow.getHandle(owner).fetchHistory();

test(`When groups live random lives (seed ${SEED}), then every order ends and every history replays`, async () => {
  for (const { step, times } of FAILURES) world.fail(step, times);

  const owners = await Promise.all(GROUPS.map(actOutGroup));

  expect([...world.ledger.orders.values()].filter((order) => isOpen(order.status))).toEqual([]);
  const histories = await Promise.all(owners.map(fetchHistory));
  const happened = { ...countsOf(histories), ...(await cacheCounts(metrics, world.temporal.taskQueue)) };
  expect(Object.entries(happened).filter(([, times]) => times === 0)).toEqual([]);
  const durations = durationsOf(histories);
  const quantile = (share: number): number => durations[Math.floor(durations.length * share)] ?? Number.NaN;
  expect(quantile(0.95)).toBeGreaterThan(3 * quantile(0.25));

  const bundle = await bundleOf('workflows');
  for (const [n, history] of histories.entries()) {
    const owner = owners[n] ?? '';
    expect({ owner, fault: await replay(bundle, { workflowId: owner, history }) }).toEqual({ owner, fault: null });
  }
  // An eviction during a local activity costs ten seconds of waiting, and there may be dozens in a row.
}, 600_000);
