/**
 * Groups as they come: any size, buyers and steps of any speed, payments, cancels and deadlines in any order, steps that
 * fail, and a cache so small that workflows are evicted all the time. Whatever happened must replay.
 */
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { PATH_NAMES, type PathName, walk } from '../support/sagas/paths';
import { createWorld, SETTINGS, someOrder, type World } from '../support/sagas/world';
import { testServers } from '../support/servers';
import { bundleOf, replay } from './replaying';

const GROUPS = 12;
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
const random = randomFrom(SEED);
const below = (n: number): number => Math.floor(random() * n);
const oneOf = (names: readonly PathName[]): PathName => names[below(names.length)] ?? 'paid';

/** Most steps are quick, some are not, a few are so slow that the lane goes on without them. */
const latencyMs = (): number => (random() < 0.01 ? 2_300 : random() < 0.2 ? below(250) : below(15));
const FRAGILE = ['openOrder', 'beginPayment', 'recordCapture', 'recordDecline', 'endOrder', 'syncHold', 'adopt'];

let world: World;
let release: () => Promise<void>;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
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

async function actOutGroup(size: number): Promise<string> {
  const orders = Array.from({ length: size }, () => someOrder());
  const owner = `random-${orders[0]?.orderId}`;
  await world.start(orders, { owner, settings: { ...SETTINGS, holdMs: 1_500 + below(4_000) } });
  const buyers = orders.map(async (order) => {
    const path = oneOf(PATH_NAMES);
    await new Promise((resolve) => setTimeout(resolve, below(2_500)));
    await walk(world, owner, order, path).catch(() => undefined);
  });
  await Promise.all(buyers);
  await world.temporal.client.workflow.getHandle(owner).result();
  return owner;
}

test(`When groups live random lives (seed ${SEED}), then every order ends and every history replays`, async () => {
  for (const step of FRAGILE) world.fail(step, below(6));
  const sizes = Array.from({ length: GROUPS }, (_, n) => (n === 0 ? 1 : 2 + below(24)));

  const owners = await Promise.all(sizes.map(actOutGroup));

  const open = [...world.ledger.orders.values()].filter((order) =>
    ['QUEUED', 'PENDING_PAYMENT'].includes(order.status),
  );
  expect(open).toEqual([]);
  const bundle = await bundleOf('workflows');
  for (const owner of owners) {
    const history = await world.temporal.client.workflow.getHandle(owner).fetchHistory();
    expect({ owner, fault: await replay(bundle, { workflowId: owner, history }) }).toEqual({ owner, fault: null });
  }
  // An eviction during a local activity costs ten seconds of waiting, and there may be dozens in a row.
}, 600_000);
