/** Waiting for an order to change: news wakes, lost news costs a moment, and a store that is away costs nothing but time. */
import { createOrderWatch, type OrderWatch } from '../../api/payments/order-watch';
import type { PayableOrder } from '../../infra/mysql/repositories/payments';

const order = (orderId: string, given: Partial<PayableOrder> = {}): PayableOrder => ({
  orderId,
  memberId: 'mem_1',
  status: 'QUEUED',
  amount: 1_000,
  owner: null,
  activePayment: null,
  isDispatched: false,
  isPaying: false,
  ...given,
});

/** Longer than any test: what comes sooner came by news. */
const NEVER_MS = 600_000;
let watch: OrderWatch;
afterEach(() => watch.close());

test('When news of an order comes, then those who wait for it see its change, and nobody else is looked at', async () => {
  const asked: (readonly string[])[] = [];
  watch = createOrderWatch(async (ids) => {
    asked.push(ids);
    return ids.map((id) => order(id, { status: 'PENDING_PAYMENT' }));
  }, NEVER_MS);
  const waiting = [
    watch.changed(order('ord_1'), NEVER_MS),
    watch.changed(order('ord_1'), NEVER_MS),
    watch.changed(order('ord_2'), NEVER_MS),
  ];
  watch.wake('ord_1');
  watch.wake('ord_1');
  watch.wake('ord_unheard');
  await Promise.all(waiting.slice(0, 2));
  expect(asked).toEqual([['ord_1']]);
  watch.wake('ord_2');
  await waiting[2];
});

test('When news is lost, then the next look at everybody finds the change', async () => {
  let status: PayableOrder['status'] = 'QUEUED';
  watch = createOrderWatch(async (ids) => ids.map((id) => order(id, { status })), 20);
  const waiting = watch.changed(order('ord_1'), NEVER_MS);
  status = 'CONFIRMED';
  await waiting;
});

test('When the store does not answer, then whoever waits goes on waiting and sees the change when it is back', async () => {
  let tries = 0;
  watch = createOrderWatch(async (ids) => {
    tries += 1;
    if (tries < 3) throw new Error('away');
    return ids.map((id) => order(id, { owner: 'checkout-1' }));
  }, 20);
  await watch.changed(order('ord_1'), NEVER_MS);
  expect(tries).toBe(3);
});

test('When nothing changes, then the wait ends with its time; and at the end of the process, at once', async () => {
  watch = createOrderWatch(async (ids) => ids.map((id) => order(id)), 20);
  await watch.changed(order('ord_1'), 30);
  const waiting = watch.changed(order('ord_1'), NEVER_MS);
  watch.close();
  await waiting;
  await watch.changed(order('ord_1'), NEVER_MS);
});
