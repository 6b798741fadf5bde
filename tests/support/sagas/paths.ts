/** Every way an order can go, as a buyer and a provider would act it out. */
import { Problem } from '../../../domain/errors';
import type { SagaOrder } from '../../../domain/saga';
import { executeCancel, executeConfirm } from '../../../infra/temporal/starts';
import { until } from '../until';
import { untilHeard } from './until-heard';
import { captured, declined, SETTINGS, unknown, type World } from './world';

interface Walk {
  readonly world: World;
  readonly owner: string;
  readonly order: SagaOrder;
}

/** @throws Problem('unavailable') when it was never answered */
async function sure<T extends { readonly kind: string }>(call: () => Promise<T>): Promise<void> {
  const { kind } = await untilHeard(call);
  if (kind === 'unanswered') throw new Problem('unavailable');
}
const pay = ({ world, owner, order }: Walk, paymentKey: string, { amount } = order) =>
  sure(() =>
    executeConfirm(world.temporal, {
      owner,
      answerMs: SETTINGS.answerMs,
      orderId: order.orderId,
      paymentKey,
      amount,
    }),
  );
const cancel = ({ world, owner, order }: Walk) =>
  sure(() => executeCancel(world.temporal, { owner, answerMs: SETTINGS.answerMs, orderId: order.orderId, key: 'k' }));
const opened = ({ world, order }: Walk) =>
  until(() => world.ledger.orders.get(order.orderId)?.status === 'PENDING_PAYMENT', {
    within: 30_000,
    what: `${order.orderId} is open`,
  });
const keyOf = ({ order }: Walk, n = 1): string => `key-${n}-${order.orderId}`;

/** By name; each resolves when its buyer has nothing more to do. */
export const PATHS = {
  /** comes before the order is open */
  paid: async (walk) => {
    walk.world.provider.confirms(keyOf(walk), captured(walk.order, keyOf(walk)));
    await pay(walk, keyOf(walk));
  },
  paidLater: async (walk) => {
    await opened(walk);
    await PATHS.paid(walk);
  },
  declinedThenPaid: async (walk) => {
    walk.world.provider.confirms(keyOf(walk, 2), declined);
    await pay(walk, keyOf(walk, 2));
    await PATHS.paid(walk);
  },
  declinedOut: async (walk) => {
    for (const n of [1, 2, 3]) {
      walk.world.provider.confirms(keyOf(walk, n), declined);
      await pay(walk, keyOf(walk, n));
    }
  },
  expired: async () => undefined,
  cancelled: async (walk) => {
    await opened(walk);
    await cancel(walk);
  },
  cancelledWhileQueued: async (walk) => {
    await cancel(walk);
  },
  unknownThenDone: async (walk) => {
    walk.world.provider.confirms(keyOf(walk), unknown);
    walk.world.provider.shows(keyOf(walk), unknown, captured(walk.order, keyOf(walk)));
    await pay(walk, keyOf(walk));
  },
  unknownThenDead: async (walk) => {
    walk.world.provider.confirms(keyOf(walk), unknown);
    walk.world.provider.shows(keyOf(walk), unknown, { kind: 'dead', paymentKey: keyOf(walk), status: 'ABORTED' });
    await pay(walk, keyOf(walk));
  },
  /** the deadline falls into it when the hold is short */
  unknownForLong: async (walk) => {
    walk.world.provider.confirms(keyOf(walk), unknown);
    walk.world.provider.shows(keyOf(walk), unknown, unknown, captured(walk.order, keyOf(walk)));
    await pay(walk, keyOf(walk));
  },
  mismatch: async (walk) => {
    walk.world.provider.confirms(keyOf(walk), captured(walk.order, keyOf(walk), { amount: 1 }));
    walk.world.provider.refunds(keyOf(walk), { kind: 'refunded', paymentKey: keyOf(walk), amount: 1 });
    await pay(walk, keyOf(walk));
  },
  refusedAmount: async (walk) => {
    await opened(walk);
    await pay(walk, keyOf(walk), { ...walk.order, amount: 1 });
    await cancel(walk);
  },
} satisfies Record<string, (walk: Walk) => Promise<void>>;

export type PathName = keyof typeof PATHS;
export const PATH_NAMES = Object.keys(PATHS) as PathName[];

export const walk = (world: World, owner: string, order: SagaOrder, path: PathName): Promise<void> =>
  PATHS[path]({ world, owner, order });
