/** What the checkout saga decides for one order, on a server whose clock can jump: buyers who pay, and outcomes not known. */
import { checkoutTools } from '../support/sagas/checkout-tools';
import { createSkippingWorld, type SkippingWorld } from '../support/sagas/time-skipping';
import { captured, declined, deferred, someOrder, unknown } from '../support/sagas/world';
import { until } from '../support/until';

let world: SkippingWorld;
beforeAll(async () => {
  world = await createSkippingWorld();
}, 60_000);
afterAll(() => world?.stop());
const { confirm, cancel, endOf, story, rowOf, opened, synced, nextKey } = checkoutTools(() => world);

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
    const isOpen = async () => (await story(owner, order)).phase === 'PENDING_PAYMENT';
    await until(isOpen, { within: 10_000, what: 'the saga has opened it: a payment before that is taken at once' });

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
