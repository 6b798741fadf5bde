/** What the checkout saga decides for one order, on a server whose clock can jump. */
import type { MemberStory, SagaOrder } from '../../domain/saga';
import { executeCancel, executeConfirm } from '../../infra/temporal/starts';
import { createSkippingWorld, type SkippingWorld } from '../support/sagas/time-skipping';
import { captured, declined, deferred, SETTINGS, someOrder, unknown } from '../support/sagas/world';
import { until } from '../support/until';

let world: SkippingWorld;
beforeAll(async () => {
  world = await createSkippingWorld();
}, 60_000);
afterAll(() => world?.stop());

const confirm = (owner: string, order: SagaOrder, paymentKey: string, amount = order.amount) =>
  executeConfirm(world.temporal, { owner, answerMs: SETTINGS.answerMs, orderId: order.orderId, paymentKey, amount });
const cancel = (owner: string, order: SagaOrder, key = 'k') =>
  executeCancel(world.temporal, { owner, answerMs: SETTINGS.answerMs, orderId: order.orderId, key });
const endOf = async (owner: string) => {
  const { members } = await world.temporal.client.workflow.getHandle(owner).result();
  return members[0]?.phase;
};
const story = (owner: string, order: SagaOrder) =>
  world.temporal.client.workflow.getHandle(owner).query<MemberStory, [string]>('member', order.orderId);
const rowOf = (order: SagaOrder) => {
  const row = world.ledger.orders.get(order.orderId);
  if (!row) throw new Error('no row');
  return row;
};
const opened = (order: SagaOrder) =>
  until(() => rowOf(order).status === 'PENDING_PAYMENT', { within: 10_000, what: 'the order is open' });
/** How often the gate was asked to follow MariaDB for this order. */
const synced = (order: SagaOrder) => world.synced.filter((each) => each === order.orderId).length;
const nextKey = (() => {
  let n = 0;
  return () => `key-${++n}`;
})();

describe('A buyer who pays', () => {
  test('When the provider captures, then the order is confirmed and the buyer told in the same call', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, captured(order, key));
    const owner = await world.start([order]);

    const answer = await confirm(owner, order, key);

    expect(answer).toMatchObject({ kind: 'done', amount: 30_000, approvedAt: '2026-01-01T00:00:00.000Z' });
    expect(await endOf(owner)).toBe('CONFIRMED');
    expect(rowOf(order).history).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
    expect(synced(order)).toBe(1);
    expect(await story(owner, order)).toMatchObject({ phase: 'CONFIRMED', compensations: [], ending: null });
  });

  test('When a card is declined and another pays, then the hold stayed and the order is confirmed', async () => {
    const order = someOrder();
    const [bad, good] = [nextKey(), nextKey()];
    world.provider.confirms(bad, declined);
    world.provider.confirms(good, captured(order, good));
    const owner = await world.start([order]);

    expect(await confirm(owner, order, bad)).toMatchObject({ kind: 'declined', attemptsLeft: 2, code: declined.code });
    expect(await confirm(owner, order, good)).toMatchObject({ kind: 'done' });

    expect(await endOf(owner)).toBe('CONFIRMED');
    expect(rowOf(order).payments.map((each) => each.status)).toEqual(['FAILED', 'DONE']);
  });

  test('When the last attempt is declined, then the order fails at once and its units are free', async () => {
    const order = someOrder();
    const owner = await world.start([order]);
    const keys = [nextKey(), nextKey(), nextKey()];
    const left: unknown[] = [];
    for (const key of keys) {
      world.provider.confirms(key, declined);
      const answer = await confirm(owner, order, key);
      left.push(answer.kind === 'declined' ? answer.attemptsLeft : answer.kind);
    }

    expect(left).toEqual([2, 1, 0]);
    expect(await endOf(owner)).toBe('PAYMENT_FAILED');
    expect(rowOf(order).history).toEqual(['QUEUED', 'PENDING_PAYMENT', 'PAYMENT_FAILED']);
    expect(await story(owner, order)).toMatchObject({
      compensations: ['endOrder', 'releaseStock'],
      ending: { status: 'PAYMENT_FAILED', reason: 'payment_declined' },
    });
    expect(synced(order)).toBe(1);
  });

  test('When the amount is not the order’s, then the payment is refused and nothing is written', async () => {
    const order = someOrder();
    const owner = await world.start([order]);
    await opened(order);

    expect(await confirm(owner, order, nextKey(), 1)).toEqual({
      kind: 'refused',
      code: 'amount_mismatch',
      status: 'PENDING_PAYMENT',
    });
    expect(rowOf(order).payments).toEqual([]);
    await cancel(owner, order);
  });

  test('When the provider captured for another amount, then the money goes back and the order fails', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, captured(order, key, { amount: 1 }));
    world.provider.refunds(key, { kind: 'refunded', paymentKey: key, amount: 1 });
    const owner = await world.start([order]);

    expect(await confirm(owner, order, key)).toMatchObject({ kind: 'declined', code: 'payment_mismatch' });

    expect(await endOf(owner)).toBe('PAYMENT_FAILED');
    await until(() => rowOf(order).payments[0]?.status === 'REFUNDED', { within: 10_000, what: 'the money is back' });
    expect(synced(order)).toBe(1);
  });

  test('When two payments are tried at once, then the second is refused while the first is asked', async () => {
    const order = someOrder();
    const key = nextKey();
    const late = deferred<ReturnType<typeof captured>>();
    world.provider.confirms(key, late.promise);
    const owner = await world.start([order]);
    const first = confirm(owner, order, key);
    await until(() => rowOf(order).active, { within: 10_000, what: 'the first is under way' });

    expect(await confirm(owner, order, nextKey())).toMatchObject({ kind: 'refused', code: 'payment_in_progress' });
    expect(await cancel(owner, order)).toMatchObject({ kind: 'refused', code: 'payment_in_progress' });

    late.resolve(captured(order, key));
    expect(await first).toMatchObject({ kind: 'done' });
    expect(await endOf(owner)).toBe('CONFIRMED');
  });
});

describe('An outcome that is not known', () => {
  test('When the provider times out and shows the payment DONE later, then the order is confirmed', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, unknown);
    world.provider.shows(key, unknown, unknown, captured(order, key));
    const owner = await world.start([order]);

    const answer = await confirm(owner, order, key);

    expect(['pending', 'done']).toContain(answer.kind);
    expect(await endOf(owner)).toBe('CONFIRMED');
    const phases = (await story(owner, order)).timeline.map((each) => each.phase);
    expect(phases).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMING', 'UNKNOWN', 'CONFIRMED']);
  });

  test('When it is shown dead later, then the payment has failed and another may be tried', async () => {
    const order = someOrder();
    const [lost, good] = [nextKey(), nextKey()];
    world.provider.confirms(lost, unknown);
    world.provider.shows(lost, { kind: 'dead', paymentKey: lost, status: 'ABORTED' });
    world.provider.confirms(good, captured(order, good));
    const owner = await world.start([order]);

    expect(await confirm(owner, order, lost)).toMatchObject({ kind: 'declined', code: 'ABORTED', attemptsLeft: 2 });
    expect(await confirm(owner, order, good)).toMatchObject({ kind: 'done' });
    expect(await endOf(owner)).toBe('CONFIRMED');
  });

  test('When it was never begun there, then it is confirmed again under the same key, and its refusal checked', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, unknown, declined);
    world.provider.shows(key, { kind: 'open' }, captured(order, key));
    const owner = await world.start([order]);

    expect(await confirm(owner, order, key)).toMatchObject({ kind: 'done' });
    expect(await endOf(owner)).toBe('CONFIRMED');
  });

  test('When the deadline falls into it, then its answer decides: paid', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, unknown);
    world.provider.shows(key, ...Array.from({ length: 14 }, () => unknown), captured(order, key));
    const owner = await world.start([order], { settings: { holdMs: 60_000 } });

    expect(await confirm(owner, order, key)).toMatchObject({ kind: 'pending' });
    expect(await endOf(owner)).toBe('CONFIRMED');
    expect(rowOf(order).history).toEqual(['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED']);
  });

  test('When the deadline falls into it, then its answer decides: not paid, and the order expires', async () => {
    const order = someOrder();
    const key = nextKey();
    world.provider.confirms(key, unknown);
    const dead = { kind: 'dead', paymentKey: key, status: 'EXPIRED' } as const;
    world.provider.shows(key, ...Array.from({ length: 14 }, () => unknown), dead);
    const owner = await world.start([order], { settings: { holdMs: 60_000 } });

    await confirm(owner, order, key);
    expect(await endOf(owner)).toBe('EXPIRED');
    expect(synced(order)).toBe(1);
  });
});

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
