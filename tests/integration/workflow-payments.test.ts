/** Payment keys that are not what they seem, on a server whose clock can jump. */
import type { SagaOrder } from '../../domain/saga';
import { checkoutTools } from '../support/sagas/checkout-tools';
import { createSkippingWorld, type SkippingWorld } from '../support/sagas/time-skipping';
import { captured, someOrder, unknown } from '../support/sagas/world';
import { until } from '../support/until';

let world: SkippingWorld;
beforeAll(async () => {
  world = await createSkippingWorld();
}, 60_000);
afterAll(() => world?.stop());

const { confirm, endOf } = checkoutTools(() => world);
const paymentsOf = (order: SagaOrder) => world.ledger.orders.get(order.orderId)?.payments ?? [];
const refundsStarted = () => world.calls.get('startRefund') ?? 0;

test('When a key is shown as paid for another order, then it is a decline here, and that order keeps its money', async () => {
  const [paid, other] = [someOrder(), someOrder()];
  world.provider.confirms('key-paid', captured(paid, 'key-paid'));
  const first = await world.start([paid]);
  expect(await confirm(first, paid, 'key-paid')).toMatchObject({ kind: 'done' });

  // The second time its session is gone, and asking shows whose it is.
  world.provider.confirms('key-paid', unknown);
  world.provider.shows('key-paid', captured(paid, 'key-paid'));
  world.provider.confirms('key-own', captured(other, 'key-own'));
  const second = await world.start([other]);
  const refunds = refundsStarted();

  expect(await confirm(second, other, 'key-paid')).toMatchObject({
    kind: 'declined',
    code: 'payment_mismatch',
    attemptsLeft: 2,
  });
  expect(await confirm(second, other, 'key-own')).toMatchObject({ kind: 'done' });

  expect([await endOf(first), await endOf(second)]).toEqual(['CONFIRMED', 'CONFIRMED']);
  expect(paymentsOf(paid).map(({ status }) => status)).toEqual(['DONE']);
  expect(refundsStarted()).toBe(refunds);
});

test('When the provider does not find a key long after it could have been made, then its units are free again', async () => {
  const order = someOrder();
  world.provider.confirms('key-invented', { kind: 'unknown', why: 'http 404 NOT_FOUND_PAYMENT', isNotFound: true });
  world.provider.shows('key-invented', { kind: 'open' });
  const owner = await world.start([order]);

  expect(await confirm(owner, order, 'key-invented')).toMatchObject({ kind: 'pending' });

  // The deadline passed meanwhile; it waited for the payment's answer.
  expect(await endOf(owner)).toBe('EXPIRED');
  expect(paymentsOf(order)).toMatchObject([{ status: 'FAILED', failureCode: 'NOT_FOUND_PAYMENT_SESSION' }]);
});

test('When the provider gives no usable answer, then no time is long enough to call it failed', async () => {
  const order = someOrder();
  world.provider.confirms('key-silent', { kind: 'unknown', why: 'timeout' });
  world.provider.shows('key-silent', { kind: 'open' });
  const owner = await world.start([order]);
  expect(await confirm(owner, order, 'key-silent')).toMatchObject({ kind: 'pending' });

  await world.passes(24 * 3_600_000);

  expect(paymentsOf(order)).toMatchObject([{ status: 'UNKNOWN' }]);
  world.provider.shows('key-silent', captured(order, 'key-silent'));
  expect(await endOf(owner)).toBe('CONFIRMED');
});

test('When a saga that takes over does not know yet what was left, then a payment is asked to come again', async () => {
  const order = someOrder();
  world.provider.confirms('key-early', captured(order, 'key-early'));
  world.fail('readSaga', 1);
  world.slow('readSaga', 2_000, 1);
  const owner = await world.start([order], { resumed: true });

  expect(await confirm(owner, order, 'key-early')).toEqual({
    kind: 'refused',
    code: 'order_not_payable',
    status: 'QUEUED',
  });

  await until(async () => (await confirm(owner, order, 'key-early')).kind === 'done', {
    within: 20_000,
    what: 'the same payment is taken',
  });
  expect(await endOf(owner)).toBe('CONFIRMED');
});
