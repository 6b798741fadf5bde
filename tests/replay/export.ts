/**
 * `npm run histories`: acts out every path on a real Temporal server and writes the histories that replay.test.ts holds
 * the workflows against. Stores and provider follow the script, so that each path is met; the engine's part is real.
 * Run it when a workflow was changed on purpose, with patching, and commit old and new histories.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { startRefund } from '../../infra/temporal/starts';
import { PATH_NAMES, type PathName, walk } from '../support/sagas/paths';
import { createWorld, someOrder, type World } from '../support/sagas/world';

const FOLDER = path.resolve(process.cwd(), 'tests', 'replay', 'histories');
/** short enough that deadlines pass while somebody waits, long enough to pay */
const HOLD_MS = 2_500;

/** Replay needs neither where the code lay nor on which machine it ran; whoever reads a history should not learn it. */
const withoutPlace = (recorded: string): string =>
  recorded.replaceAll(`${process.cwd()}/`, '').replaceAll(`@${hostname()}`, '@worker');

async function saveHistory(world: World, workflowId: string, name: string): Promise<void> {
  const history = await world.temporal.client.workflow.getHandle(workflowId).fetchHistory();
  // With its id, which a saga compares with the owner that MariaDB shows.
  const recorded = `{"workflowId":${JSON.stringify(workflowId)},"history":${historyToJSON(history)}}\n`;
  await writeFile(path.join(FOLDER, `${name}.json`), withoutPlace(recorded));
  process.stdout.write(`${name}: ${history.events?.length} events\n`);
}

async function actOut(world: World, name: string, paths: readonly PathName[]): Promise<void> {
  const orders = paths.map(() => someOrder());
  const owner = `export-${orders[0]?.orderId}`;
  await world.start(orders, { owner, settings: { holdMs: HOLD_MS } });
  await Promise.all(orders.map((order, n) => walk(world, owner, order, paths[n] ?? 'paid')));
  await world.temporal.client.workflow.getHandle(owner).result();
  await saveHistory(world, owner, name);
}

const pathsFor = (size: number, choose: (n: number) => PathName): PathName[] =>
  Array.from({ length: size }, (_, n) => choose(n));
const mixed = (n: number): PathName => PATH_NAMES[n % PATH_NAMES.length] ?? 'paid';

/** An order whose owner was lost: while waiting, while its payment was under way, and after its end. */
async function takeOvers(world: World): Promise<void> {
  for (const lost of ['waiting', 'paying', 'ended', 'disowned'] as const) {
    const order = someOrder();
    const owner = `export-${order.orderId}-r1`;
    const row = world.ledger.add(order, lost === 'disowned' ? 'another' : owner);
    row.status = lost === 'ended' ? 'CONFIRMED' : 'PENDING_PAYMENT';
    row.payBy = Date.now() + HOLD_MS;
    if (lost === 'paying') {
      const payment = { paymentId: 'pay_1', paymentKey: owner, failureCode: null, amount: order.amount } as const;
      row.payments.push({ ...payment, status: 'CONFIRMING' });
      row.active = 'pay_1';
      world.provider.shows(owner, { kind: 'dead', paymentKey: owner, status: 'ABORTED' });
    }
    await world.start([order], { owner, resumed: true, settings: { holdMs: HOLD_MS } });
    await world.temporal.client.workflow.getHandle(owner).result();
    await saveHistory(world, owner, `resumed-${lost}`);
  }
}

/** Steps that fail in the lane and go on as activities of their own. */
async function troubles(world: World): Promise<void> {
  world.fail('openOrder', 2);
  world.fail('recordCapture', 2);
  world.fail('syncHold', 2);
  await actOut(world, 'checkout-1-stores-in-trouble', ['paid']);
  world.fail('openOrder', 5);
  world.fail('endOrder', 3);
  await actOut(world, 'checkout-25-stores-in-trouble', pathsFor(25, mixed));
}

async function refunds(world: World): Promise<void> {
  for (const kind of ['refunded', 'refused'] as const) {
    const order = someOrder();
    const row = world.ledger.add(order, 'nobody');
    const paymentId = `pay_${order.orderId}`;
    const money = { paymentId, paymentKey: paymentId, failureCode: null, amount: order.amount } as const;
    row.payments.push({ ...money, status: 'REFUNDING' });
    row.status = 'REFUNDING';
    const refused = { kind: 'refused', code: 'NOT_CANCELABLE_PAYMENT', message: 'no' } as const;
    const refunded = { kind: 'refunded', paymentKey: paymentId, amount: order.amount } as const;
    world.provider.refunds(paymentId, kind === 'refunded' ? refunded : refused);
    const { orderId, memberId, amount } = order;
    await startRefund(world.temporal, { paymentId, orderId, memberId, amount });
    const handle = world.temporal.client.workflow.getHandle(`refund-${paymentId}`);
    await handle.result().catch((error: unknown) => kind === 'refused' || Promise.reject(error));
    await saveHistory(world, `refund-${paymentId}`, `refund-${kind}`);
  }
}

async function exportHistories(address: string): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await mkdir(FOLDER, { recursive: true });
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const world = await createWorld({
    client: new Client({ connection }),
    connection: native,
    now: async () => Date.now(),
  });
  try {
    for (const name of PATH_NAMES) await actOut(world, `checkout-1-${name}`, [name]);
    for (const name of ['paid', 'expired', 'cancelled'] as const) {
      await actOut(
        world,
        `checkout-25-${name}`,
        pathsFor(25, () => name),
      );
    }
    await actOut(world, 'checkout-25-mixed', pathsFor(25, mixed));
    await takeOvers(world);
    await troubles(world);
    await refunds(world);
  } finally {
    await world.stop();
    await native.close();
    await connection.close();
  }
}

async function main(): Promise<void> {
  const address = process.env.TEMPORAL_ADDRESS;
  if (!address) throw new Error('TEMPORAL_ADDRESS: start the stack first (npm start)');
  await exportHistories(address);
}

main().catch((error: unknown) => {
  process.stderr.write(`histories: ${String(error)}\n`);
  process.exitCode = 1;
});
