/** Many orders in one workflow: what one of them meets never reaches another. */
import type { MemberStory, SagaOrder } from '../../domain/saga';
import { executeConfirm } from '../../infra/temporal/starts';
import { PATH_NAMES, walk } from '../support/sagas/paths';
import { createSkippingWorld, type SkippingWorld } from '../support/sagas/time-skipping';
import { captured, deferred, SETTINGS, someOrder, unknown } from '../support/sagas/world';
import { until } from '../support/until';

let world: SkippingWorld;
beforeAll(async () => {
  world = await createSkippingWorld();
}, 60_000);
afterAll(() => world?.stop());

const groupOf = (size: number): SagaOrder[] => Array.from({ length: size }, () => someOrder());
const statusOf = (order: SagaOrder | undefined) => world.ledger.orders.get(order?.orderId ?? '')?.status;
const confirm = (owner: string, order: SagaOrder, paymentKey: string) =>
  executeConfirm(world.temporal, { owner, ...SETTINGS, orderId: order.orderId, paymentKey, amount: order.amount });

test('When a group of 25 goes every way there is, then each order ends as it would alone', async () => {
  const orders = groupOf(25);
  const owner = 'group-of-25';
  await world.start(orders, { owner });
  await Promise.all(orders.map((order, n) => walk(world, owner, order, PATH_NAMES[n % PATH_NAMES.length] ?? 'paid')));
  await world.temporal.client.workflow.getHandle(owner).result();

  const ends = Object.fromEntries(PATH_NAMES.map((name, n) => [name, statusOf(orders[n])]));
  expect(ends).toEqual({
    paid: 'CONFIRMED',
    paidLater: 'CONFIRMED',
    declinedThenPaid: 'CONFIRMED',
    declinedOut: 'PAYMENT_FAILED',
    expired: 'EXPIRED',
    cancelled: 'CANCELLED',
    cancelledWhileQueued: 'CANCELLED',
    unknownThenDone: 'CONFIRMED',
    unknownThenDead: 'EXPIRED',
    unknownForLong: 'CONFIRMED',
    mismatch: 'PAYMENT_FAILED',
    refusedAmount: 'CANCELLED',
  });
  // Each unit was given back or sold in the gate exactly once.
  expect([...world.synced].sort()).toEqual(orders.map((each) => each.orderId).sort());
});

test('When the provider never answers one buyer, then the others are served meanwhile', async () => {
  const [stuck, other] = groupOf(2) as [SagaOrder, SagaOrder];
  const owner = 'group-with-one-stuck';
  const late = deferred<typeof unknown>();
  world.provider.confirms('stuck', late.promise);
  world.provider.confirms('other', captured(other, 'other'));
  await world.start([stuck, other], { owner });
  const pending = confirm(owner, stuck, 'stuck');
  await until(() => world.ledger.orders.get(stuck.orderId)?.active, { within: 10_000, what: 'it is under way' });

  expect(await confirm(owner, other, 'other')).toMatchObject({ kind: 'done' });

  expect(await pending).toMatchObject({ kind: 'pending' });
  expect(statusOf(stuck)).toBe('PENDING_PAYMENT');
  late.resolve(unknown);
  await world.temporal.client.workflow.getHandle(owner).terminate();
});

test('When a step of one order hangs, then the lane goes on without it, and it is finished by itself', async () => {
  const orders = groupOf(3);
  const owner = 'group-with-a-slow-store';
  world.slow('openOrder', 2_500, 1);
  await world.start(orders, { owner });

  await until(() => orders.filter((each) => statusOf(each) === 'PENDING_PAYMENT').length === 3, {
    within: 15_000,
    what: 'all are open',
  });

  const history = await world.temporal.client.workflow.getHandle(owner).fetchHistory();
  const alone = (history.events ?? []).flatMap(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
  );
  expect(alone).toEqual(['createOrder']);
  await world.temporal.client.workflow.getHandle(owner).cancel();
  await world.temporal.client.workflow.getHandle(owner).result();
  expect(orders.map(statusOf)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
});

test('When one saga meets an error of ours, then it begins again from MariaDB, and the others never notice', async () => {
  const [broken, other] = groupOf(2) as [SagaOrder, SagaOrder];
  const owner = 'group-with-an-error';
  world.provider.confirms('fine', captured(other, 'fine'));
  world.provider.confirms('odd', captured(broken, 'odd'));
  world.provider.shows('odd', captured(broken, 'odd'));
  await world.start([broken, other], { owner });
  await until(() => statusOf(broken) === 'PENDING_PAYMENT', { within: 10_000, what: 'open' });
  // An answer no ledger gives: the saga cannot know what it means.
  world.answer('recordCapture', { kind: 'elsewhere', status: 'PENDING_PAYMENT' }, 1);
  await confirm(owner, broken, 'odd');

  expect(await confirm(owner, other, 'fine')).toMatchObject({ kind: 'done' });
  await world.temporal.client.workflow.getHandle(owner).result();

  expect([statusOf(broken), statusOf(other)]).toEqual(['CONFIRMED', 'CONFIRMED']);
  const story = await world.temporal.client.workflow
    .getHandle(owner)
    .query<MemberStory, [string]>('member', broken.orderId);
  expect(story.timeline.some(({ note }) => note?.startsWith('error'))).toBe(true);
});

test('When 25 buyers pay in the same instant, then all of them are answered in their own call', async () => {
  const orders = groupOf(25);
  const owner = 'group-paying-at-once';
  await world.start(orders, { owner });
  for (const order of orders) world.provider.confirms(order.orderId, captured(order, order.orderId));

  const answers = await Promise.all(orders.map((order) => confirm(owner, order, order.orderId)));

  expect(new Set(answers.map((answer) => answer.kind))).toEqual(new Set(['done']));
});
