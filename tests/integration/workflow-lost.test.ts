/** Sagas whose workflow is gone, on real servers: the sweeper gives their orders to new owners. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { type ActivityDeps, createActivities } from '../../activities';
import type { Reservation } from '../../infra/mysql/ledger';
import type { Dispatcher } from '../../workers/dispatcher/dispatcher';
import { createRealWorld, type RealWorld } from '../support/sagas/real-world';
import { until } from '../support/until';
import { stockOf } from './support/ledger';

let world: RealWorld;
let worker: { stop(): Promise<void> };
let dispatcher: Dispatcher | undefined;
beforeAll(async () => {
  world = await createRealWorld();
  worker = await world.startWorker();
}, 60_000);
afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = undefined;
});
afterAll(async () => {
  await worker?.stop();
  await world?.stop();
}, 60_000);

test('When a workflow is terminated, then the sweeper gives its orders to new owners and they can be paid', async () => {
  const productId = await world.product(3);
  const orders = await world.accept(productId, 3);
  dispatcher = world.startDispatcher();
  await Promise.all(orders.map((order) => world.reaches(order.orderId, 'PENDING_PAYMENT')));
  const before = await world.ownerOf(orders[0] as Reservation);
  await world.temporal.client.workflow.getHandle(before).terminate('test');
  // As if they had been quiet for a while.
  await world.sql.change('UPDATE orders SET updated_at = updated_at - INTERVAL 60 SECOND WHERE owner = ?', [before]);

  const { sweepOrders } = createActivities(world.deps);
  expect(await new MockActivityEnvironment().run(sweepOrders)).toBe(3);
  expect(await new MockActivityEnvironment().run(sweepOrders)).toBe(0);

  expect(await Promise.all(orders.map(world.ownerOf))).toEqual(orders.map(({ orderId }) => `checkout-${orderId}-r1`));
  // An owner that has just taken over does not know yet what the one before it left: until then it refuses with QUEUED,
  // which the API takes for "ask again".
  const pay = async (order: Reservation) => {
    const answer = await world.pay(order);
    return answer.kind === 'refused' && answer.status === 'QUEUED' ? null : answer;
  };
  for (const order of orders) {
    const answer = await until(() => pay(order), { within: 15_000, what: 'the new owner to take payments' });
    expect(answer).toMatchObject({ kind: 'done' });
  }
  expect(await stockOf(world.sql, productId)).toMatchObject({ held: 0, sold: 3 });
});

test('When one of many lost orders cannot be started, then the others are resumed, and the round is shown as failed', async () => {
  const productId = await world.product(6);
  const orders = await world.accept(productId, 6);
  for (const [index, { orderId }] of orders.entries()) {
    await world.sql.change('UPDATE orders SET owner = ?, updated_at = updated_at - INTERVAL 60 SECOND WHERE id = ?', [
      `lost-${index}`,
      orderId,
    ]);
  }
  const [odd, ...others] = orders as [Reservation, ...Reservation[]];
  const engine: ActivityDeps['engine'] = {
    ...world.deps.engine,
    startCheckout: async (start) => {
      if (start.orders[0]?.orderId === odd.orderId) throw new Error('this one cannot be started');
      return world.deps.engine.startCheckout(start);
    },
  };
  const { sweepOrders } = createActivities({ ...world.deps, engine });

  await expect(new MockActivityEnvironment().run(sweepOrders)).rejects.toThrow('1 could not be swept');

  for (const { orderId } of others) await world.reaches(orderId, 'PENDING_PAYMENT');
});

test('When an owner is lost in the middle of a payment, then the next one asks the provider, and charges once', async () => {
  const card = '5100000000000003';
  await world.sandbox.behave({ cards: { [card]: { delayMs: 1_000 } } });
  const order = await world.accepted(await world.product(1));
  dispatcher = world.startDispatcher();
  const owner = await world.ownerOf(order);
  const paying = world.pay(order, { card });
  const saga = world.temporal.client.workflow.getHandle(owner);
  const isAccepted = async (): Promise<boolean> =>
    (await saga.fetchHistory()).events?.some((event) => event.workflowExecutionUpdateAcceptedEventAttributes) ?? false;
  await until(isAccepted, { within: 10_000, what: 'the payment is accepted, and the provider is asked' });
  await saga.terminate('test');
  // The server says of the accepted Update that its workflow has ended.
  expect(await paying).toEqual({ kind: 'gone' });
  await world.sql.change('UPDATE orders SET updated_at = updated_at - INTERVAL 60 SECOND WHERE id = ?', [
    order.orderId,
  ]);

  await new MockActivityEnvironment().run(createActivities(world.deps).sweepOrders);

  await world.reaches(order.orderId, 'CONFIRMED');
  expect((await world.sandbox.ledger(order.orderId)).totals).toMatchObject({ captures: 1, captured: order.amount });
});
