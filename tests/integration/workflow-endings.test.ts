/** How sagas end without a sale, change hands and go on after failures, on a server whose clock can jump. */
import type { SagaOrder } from '../../domain/saga';
import { checkoutTools } from '../support/sagas/checkout-tools';
import { createSkippingWorld, type SkippingWorld } from '../support/sagas/time-skipping';
import { captured, someOrder } from '../support/sagas/world';

let world: SkippingWorld;
beforeAll(async () => {
  world = await createSkippingWorld();
}, 60_000);
afterAll(() => world?.stop());
const { confirm, cancel, endOf, story, rowOf, opened, synced, nextKey } = checkoutTools(() => world);

describe('A buyer who does not pay', () => {
  test('When the deadline passes, then the order expires, and only then its units are given back', async () => {
    const order = someOrder();
    const owner = await world.start([order]);
    await opened(order);
    expect(synced(order)).toBe(0);

    expect(await endOf(owner)).toBe('EXPIRED');

    expect(rowOf(order).history).toEqual(['QUEUED', 'PENDING_PAYMENT', 'EXPIRED']);
    expect(await story(owner, order)).toMatchObject({
      compensations: ['endOrder', 'releaseStock'],
      ending: { status: 'EXPIRED', reason: 'deadline_passed' },
    });
    expect(synced(order)).toBe(1);
  });

  test('When the buyer cancels, then the order is cancelled before the answer, and cannot be paid', async () => {
    const order = someOrder();
    const owner = await world.start([order]);
    await opened(order);

    expect(await cancel(owner, order)).toEqual({ kind: 'cancelled' });

    expect(rowOf(order).status).toBe('CANCELLED');
    const late = await confirm(owner, order, nextKey());
    expect(late.kind === 'gone' || (late.kind === 'refused' && late.code === 'order_not_payable')).toBe(true);
    expect(await endOf(owner)).toBe('CANCELLED');
    expect(synced(order)).toBe(1);
  });

  test('When an operator cancels the workflow, then its compensations run as for a buyer', async () => {
    const order = someOrder();
    const owner = await world.start([order]);
    await opened(order);

    await world.temporal.client.workflow.getHandle(owner).cancel();

    expect(await endOf(owner)).toBe('CANCELLED');
    expect(synced(order)).toBe(1);
  });
});

describe('An order that is not this saga’s', () => {
  test('When MariaDB has another owner, then the saga stops and writes nothing', async () => {
    const order = someOrder();
    world.ledger.add(order, 'somebody-else');

    const owner = await world.start([order]);

    expect(await endOf(owner)).toBe('DISOWNED');
    expect(rowOf(order).history).toEqual(['QUEUED']);
  });

  test('When the order was rejected before its saga began, then the saga lets the gate follow and ends', async () => {
    const order = someOrder();
    const owner = `checkout-${order.orderId}`;
    world.ledger.add(order, owner).status = 'REJECTED';

    await world.start([order], { owner });

    expect(await endOf(owner)).toBe('REJECTED');
    expect(synced(order)).toBe(1);
  });
});

describe('A saga that takes over', () => {
  const takeOver = (order: SagaOrder) => {
    const owner = `checkout-${order.orderId}-r1`;
    const row = world.ledger.add(order, owner);
    row.status = 'PENDING_PAYMENT';
    return { owner, row };
  };

  test('When nobody was paying, then the stored deadline holds', async () => {
    const order = someOrder();
    const { owner, row } = takeOver(order);
    row.payBy = (await world.now()) + 60_000;

    await world.start([order], { owner, resumed: true });

    expect(await endOf(owner)).toBe('EXPIRED');
    expect(row.payBy).toBe((await story(owner, order)).payBy);
  });

  test.each([
    ['DONE', 'CONFIRMED'],
    ['ABORTED', 'EXPIRED'],
  ])('When a payment was under way and the provider shows %s, then the order is %s', async (shown, end) => {
    const order = someOrder();
    const key = nextKey();
    const { owner, row } = takeOver(order);
    row.payBy = (await world.now()) + 60_000;
    row.payments.push({ paymentId: 'pay_1', paymentKey: key, status: 'CONFIRMING', failureCode: null, amount: 30_000 });
    row.active = 'pay_1';
    world.provider.shows(
      key,
      shown === 'DONE' ? captured(order, key) : { kind: 'dead', paymentKey: key, status: 'ABORTED' },
    );

    await world.start([order], { owner, resumed: true });

    expect(await endOf(owner)).toBe(end);
  });

  test('When all attempts were used, then the order fails without waiting', async () => {
    const order = someOrder();
    const { owner, row } = takeOver(order);
    row.payBy = (await world.now()) + 60_000;
    for (const n of [1, 2, 3]) {
      row.payments.push({ paymentId: `p${n}`, paymentKey: `k${n}`, status: 'FAILED', failureCode: 'NO', amount: 1 });
    }

    await world.start([order], { owner, resumed: true });

    expect(await endOf(owner)).toBe('PAYMENT_FAILED');
  });

  test('When the order has ended meanwhile, then only the gate follows', async () => {
    const order = someOrder();
    const { owner, row } = takeOver(order);
    row.status = 'CONFIRMED';

    await world.start([order], { owner, resumed: true });

    expect(await endOf(owner)).toBe('CONFIRMED');
    expect(synced(order)).toBe(1);
    expect(row.history).toEqual(['QUEUED']);
  });
});

describe('When a step fails, then it is made again and the end is the same', () => {
  test.each(['adopt', 'openOrder', 'beginPayment', 'recordCapture', 'syncHold'])(
    '%s, on the way to a sale',
    async (step) => {
      const order = someOrder();
      const key = nextKey();
      world.provider.confirms(key, captured(order, key));
      world.fail(step, 3);

      const owner = await world.start([order]);
      await confirm(owner, order, key);

      expect(await endOf(owner)).toBe('CONFIRMED');
      expect(rowOf(order).history).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
    },
  );

  test.each(['endOrder', 'syncHold'])('%s, on the way back: each undo takes effect once', async (step) => {
    const order = someOrder();
    const owner = await world.start([order]);
    await opened(order);
    world.fail(step, 3);

    await cancel(owner, order);

    expect(await endOf(owner)).toBe('CANCELLED');
    expect(rowOf(order).history).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CANCELLED']);
    expect(await story(owner, order)).toMatchObject({ compensations: ['endOrder', 'releaseStock'] });
    expect(synced(order)).toBe(1);
  });
});

describe('When the gate is closed or away', () => {
  test('then the saga goes on, for the ledger holds the units, and the hold is settled when it is back', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, captured(order, key));
    world.answer('adopt', 'unavailable', 1);
    world.answer('syncHold', 'unavailable', 4);
    const owner = await world.start([order]);

    expect(await confirm(owner, order, key)).toMatchObject({ kind: 'done' });

    expect(await endOf(owner)).toBe('CONFIRMED');
    expect(synced(order)).toBe(1);
  });

  test('then an order that ended waits for it, and its units are given back once', async () => {
    const order = someOrder();
    const owner = await world.start([order]);
    await opened(order);
    world.answer('syncHold', 'unavailable', 4);

    expect(await cancel(owner, order)).toEqual({ kind: 'cancelled' });

    expect(await endOf(owner)).toBe('CANCELLED');
    expect(synced(order)).toBe(1);
  });
});
