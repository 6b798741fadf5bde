/** A payment key belongs to one order: on real servers, with the provider's own words for a key that was used. */
import { executeConfirm } from '../../infra/temporal/starts';
import type { Dispatcher } from '../../workers/dispatcher/dispatcher';
import { createRealWorld, type RealWorld } from '../support/sagas/real-world';
import { untilHeard } from '../support/sagas/until-heard';
import { until } from '../support/until';
import { expectUnitsAddUp, orderOf } from './support/ledger';

let world: RealWorld;
let worker: { stop(): Promise<void> };
let dispatcher: Dispatcher;
beforeAll(async () => {
  world = await createRealWorld();
  worker = await world.startWorker();
  dispatcher = world.startDispatcher();
}, 60_000);
afterAll(async () => {
  await dispatcher?.stop();
  await worker?.stop();
  await world?.stop();
});

test('When a buyer confirms a second order with the key of the first, then the first stays paid and nothing is refunded', async () => {
  const [first, second] = [await world.accepted(await world.product(1)), await world.accepted(await world.product(1))];
  const { orderId, amount } = first;
  const key = await world.sandbox.authorize({ orderId, amount });
  const ownerOf = (order: { readonly orderId: string }) =>
    until(async () => (await orderOf(world.sql, order.orderId))?.owner, { within: 15_000, what: 'an owner' });
  const confirm = async (order: typeof first, paymentKey: string) => {
    const owner = await ownerOf(order);
    const payment = { orderId: order.orderId, amount: order.amount, paymentKey };
    return untilHeard(() => executeConfirm(world.temporal, { owner, answerMs: 3_000, ...payment }));
  };
  await world.reaches(first.orderId, 'PENDING_PAYMENT');
  await world.reaches(second.orderId, 'PENDING_PAYMENT');
  expect(await confirm(first, key)).toMatchObject({ kind: 'done' });

  expect(await confirm(second, key)).toMatchObject({ kind: 'declined', code: 'payment_mismatch', attemptsLeft: 2 });

  expect((await orderOf(world.sql, first.orderId))?.status).toBe('CONFIRMED');
  expect(await orderOf(world.sql, second.orderId)).toMatchObject({ status: 'PENDING_PAYMENT', activePayment: null });
  expect((await world.sandbox.ledger(first.orderId)).totals).toMatchObject({ captured: first.amount, refunded: 0 });
  expect(await world.sql.rows('SELECT id FROM refunds')).toEqual([]);
  expect(await world.pay(second)).toMatchObject({ kind: 'done' });
  await expectUnitsAddUp(world.sql);
});
