/** Ways to speak to a checkout saga in a world whose clock can jump, and to look at what it did. */
import type { MemberStory, SagaOrder } from '../../../domain/saga';
import { executeCancel, executeConfirm } from '../../../infra/temporal/starts';
import { until } from '../until';
import type { SkippingWorld } from './time-skipping';
import { SETTINGS } from './world';

/** @param world the test file's world, which is there once its tests run */
export function checkoutTools(world: () => SkippingWorld) {
  const rowOf = (order: SagaOrder) => {
    const row = world().ledger.orders.get(order.orderId);
    if (!row) throw new Error('no row');
    return row;
  };
  let keys = 0;
  return {
    rowOf,
    confirm: (owner: string, order: SagaOrder, paymentKey: string, amount = order.amount) =>
      executeConfirm(world().temporal, {
        owner,
        answerMs: SETTINGS.answerMs,
        orderId: order.orderId,
        paymentKey,
        amount,
      }),
    cancel: (owner: string, order: SagaOrder, key = 'k') =>
      executeCancel(world().temporal, { owner, answerMs: SETTINGS.answerMs, orderId: order.orderId, key }),
    endOf: async (owner: string) => {
      const { members } = await world().temporal.client.workflow.getHandle(owner).result();
      return members[0]?.phase;
    },
    story: (owner: string, order: SagaOrder) =>
      world().temporal.client.workflow.getHandle(owner).query<MemberStory, [string]>('member', order.orderId),
    opened: (order: SagaOrder) =>
      until(() => rowOf(order).status === 'PENDING_PAYMENT', { within: 10_000, what: 'the order is open' }),
    /** How often the gate was asked to follow MariaDB for this order. */
    synced: (order: SagaOrder) => world().synced.filter((each) => each === order.orderId).length,
    nextKey: () => {
      keys += 1;
      return `key-${keys}`;
    },
  };
}
