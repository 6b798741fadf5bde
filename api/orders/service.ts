/**
 * Checkouts and orders as their owners see them. The saga, not this service, moves an order on;
 * the one exception is the cancel of an order that no saga owns yet, which MariaDB arbitrates.
 */
import { Problem } from '../../domain/errors';
import { isOpen } from '../../domain/order';
import type { BoundKey, BoundKeys } from '../../infra/mysql/repositories/bound-keys';
import type { OrderRow, OrdersRepository } from '../../infra/mysql/repositories/orders';
import type { Admission, Admitted } from './admission';
import type { Followers } from './followers';
import {
  type AcceptedView,
  acceptedView,
  type CheckoutView,
  checkoutView,
  type OrderSummaryView,
  type OrderView,
  orderSummaryView,
  orderView,
  type RefundView,
  refundView,
  type ViewSettings,
} from './views';

export interface Viewer {
  readonly memberId: string;
  readonly role: 'MEMBER' | 'ADMIN';
}
/** What an order's owner (its workflow) answers to a cancel; `gone` when there is no such workflow running. */
export type OwnerCancel =
  | { readonly kind: 'cancelled' | 'pending' | 'unanswered' | 'gone' }
  | { readonly kind: 'refused'; readonly code: 'payment_in_progress' | 'order_not_cancellable' };

export interface OrdersDeps {
  readonly orders: OrdersRepository;
  readonly admission: Admission;
  readonly followers: Followers;
  readonly views: ViewSettings;
  /** QUEUED and unowned → CANCELLED with its units freed, in one guarded transaction; false when it was not so */
  readonly cancelQueued: (orderId: string, memberId: string) => Promise<boolean>;
  readonly cancelByOwner: (call: { owner: string; orderId: string; key: string }) => Promise<OwnerCancel>;
  /** the Idempotency-Keys of cancels */
  readonly cancelKeys: BoundKeys;
  /** makes the gate follow; never throws */
  readonly syncHold: (orderId: string) => void;
  /** CONFIRMED → REFUNDING, once; the workflow is started after. @throws Problem with the refusal */
  readonly claimRefund: (request: RefundRequest) => Promise<RefundStarted>;
  readonly sagaUrl: (owner: string) => string;
}
export interface RefundRequest {
  readonly orderId: string;
  /** null: an admin asks */
  readonly memberId: string | null;
  readonly requestedBy: string;
  readonly reason: string;
  readonly idempotencyKey: string;
  readonly bodyHash: string;
}
export interface RefundStarted {
  readonly kind: 'started' | 'replayed';
  readonly refundId: string;
}

export interface OrderPage {
  readonly limit: number;
  readonly before?: string;
  readonly status?: OrderRow['status'];
}

/** An order takes fewer steps than this in its life. */
const MOMENT_READS_MAX = 8;
/** How long a cancel waits for an owner that is being replaced. */
const OWNER_WAIT_MS = 3_000;
const MAY_HAPPEN = 'The cancel was not answered in time and may still happen: repeat it, or follow the order.';

export function createOrdersService(deps: OrdersDeps) {
  const { orders, followers, views } = deps;
  const viewerFilter = (viewer: Viewer): string | null => (viewer.role === 'ADMIN' ? null : viewer.memberId);

  const find = async (orderId: string, memberId: string | null): Promise<OrderRow> => {
    const order = await orders.find(orderId, memberId);
    if (!order) throw new Problem('not_found');
    return order;
  };

  /** The order with its history, as of one moment: read again when it moved between the two reads. */
  const readMoment = async (orderId: string, memberId: string | null) => {
    for (let reads = 1; ; reads += 1) {
      const order = await find(orderId, memberId);
      const timeline = await orders.timeline(orderId);
      if (timeline.at(-1)?.status === order.status || reads === MOMENT_READS_MAX) return { order, timeline };
    }
  };

  /** @returns the view, and the id of the newest step in its timeline: what a follower who was shown it has seen */
  const follow = async (
    orderId: string,
    memberId: string | null,
  ): Promise<{ readonly view: CheckoutView; readonly newest: number }> => {
    const { order, timeline } = await readMoment(orderId, memberId);
    const ahead = order.status === 'QUEUED' ? await orders.ahead(orderId) : null;
    return { view: checkoutView(order, { ahead, timeline }, views), newest: timeline.at(-1)?.id ?? 0 };
  };
  const checkout = async (orderId: string, memberId: string | null): Promise<CheckoutView> =>
    (await follow(orderId, memberId)).view;

  /** One try to cancel by what MariaDB says now; null: it moved meanwhile, look again. */
  const tryCancel = async (order: OrderRow, key: string): Promise<'done' | null> => {
    if (order.status === 'CANCELLED') return 'done';
    if (!isOpen(order.status)) throw new Problem('order_not_cancellable');
    if (!order.owner) {
      if (!(await deps.cancelQueued(order.orderId, order.memberId))) return null;
      deps.syncHold(order.orderId);
      return 'done';
    }
    const answer = await deps.cancelByOwner({ owner: order.owner, orderId: order.orderId, key });
    if (answer.kind === 'refused') throw new Problem(answer.code);
    return answer.kind === 'cancelled' ? 'done' : null;
  };

  const untilCancelled = async (orderId: string, { memberId, key }: BoundKey): Promise<void> => {
    const until = Date.now() + OWNER_WAIT_MS;
    while (!(await tryCancel(await find(orderId, memberId), key))) {
      if (Date.now() > until) throw new Problem('unavailable', { retryAfterS: 2, detail: MAY_HAPPEN });
      await followers.wait(orderId, Number.MAX_SAFE_INTEGER, 100);
    }
  };

  const cancelNow = async (orderId: string, key: BoundKey): Promise<void> => {
    try {
      await untilCancelled(orderId, key);
    } catch (error) {
      // Anything else than a refusal leaves the key bound: to this very request, which may come again.
      if (error instanceof Problem) await deps.cancelKeys.free(key);
      throw error;
    }
    await deps.cancelKeys.finish(key, { status: 200, body: { orderId } });
  };

  return {
    admit: deps.admission.admit,
    accepted: (order: Admitted): AcceptedView => acceptedView(order, views),

    /** Waits until an admitted order has left the queue, at most `withinMs`; it may have ended instead of opening. */
    async waitWhileQueued(order: Admitted, withinMs: number): Promise<Admitted> {
      const until = Date.now() + withinMs;
      for (;;) {
        // Read before the order: what moves in between is newer than `seen` and ends the wait at once.
        const seen = await orders.newestOf(order.orderId);
        const now = await orders.find(order.orderId, order.memberId);
        if (now && now.status !== 'QUEUED') return { ...now, isReplay: order.isReplay };
        if ((await followers.wait(order.orderId, seen, until - Date.now())) === null) return order;
      }
    },

    async cartLines(memberId: string) {
      const lines = await orders.cart(memberId);
      if (lines.length === 0) throw new Problem('cart_empty');
      return lines;
    },

    /** The order an idempotency key is bound to: a repeated cart checkout finds its cart already emptied. */
    findByKey: orders.findByKey,

    checkout,
    follow,

    /**
     * An accepted cancel is repeated under its key; a refusal frees the key. A new key on an order that is cancelled
     * already is a request of its own, whose wish is fulfilled: 200, and no replay. What is kept is only that it was
     * accepted: CANCELLED is final, so the checkout read now is the one that the first call showed.
     */
    async cancel(orderId: string, key: BoundKey): Promise<{ view: CheckoutView; isReplay: boolean }> {
      const { memberId } = key;
      // Before the key is bound: an order that is not theirs leaves no row.
      await find(orderId, memberId);
      const bound = await deps.cancelKeys.bind(key);
      if (bound.kind === 'reused') throw new Problem('idempotency_key_reused');
      if (bound.kind === 'bound') await cancelNow(orderId, key);
      return { view: await checkout(orderId, memberId), isReplay: bound.kind === 'answered' };
    },

    async list(viewer: Viewer, page: OrderPage): Promise<OrderSummaryView[]> {
      const found = await orders.page({ viewer: viewerFilter(viewer), ...page });
      return found.map(orderSummaryView);
    },

    async order(orderId: string, viewer: Viewer): Promise<OrderView> {
      const order = await find(orderId, viewerFilter(viewer));
      const [payments, timeline] = await Promise.all([orders.payments(orderId), orders.timeline(orderId)]);
      const sagaUrl = viewer.role === 'ADMIN' && order.owner ? { sagaUrl: deps.sagaUrl(order.owner) } : {};
      return orderView(order, { payments, timeline, ...sagaUrl });
    },

    async refund(request: Omit<RefundRequest, 'memberId' | 'requestedBy'>, viewer: Viewer) {
      const claimed = await deps.claimRefund({
        ...request,
        memberId: viewerFilter(viewer),
        requestedBy: viewer.memberId,
      });
      const refund = await orders.findRefund(request.orderId, claimed.refundId);
      if (!refund) throw new Problem('internal');
      // The stored answer holds unchanging facts only: a repeat says what the first call said.
      const view: RefundView = {
        ...refundView(refund),
        status: 'REFUNDING',
        updatedAt: refund.createdAt.toISOString(),
      };
      return { view, isReplay: claimed.kind === 'replayed' };
    },

    async readRefund(orderId: string, refundId: string, viewer: Viewer): Promise<RefundView> {
      await find(orderId, viewerFilter(viewer));
      const refund = await orders.findRefund(orderId, refundId);
      if (!refund) throw new Problem('not_found');
      return refundView(refund);
    },

    followers,
  };
}

export type OrdersService = ReturnType<typeof createOrdersService>;
