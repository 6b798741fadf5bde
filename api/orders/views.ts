/** What the API shows of an order: rows in, documents of the public contract out. */
import type { z } from 'zod';
import { CURRENCY, orderName } from '../../domain/money';
import type { Accepted, Checkout, Order, OrderSummary, Refund } from '../../domain/operations/orders';
import type { OrderRow, PaymentRow, RefundRow, TimelineRow } from '../../infra/mysql/repositories/orders';

export type AcceptedView = z.input<typeof Accepted>;
export type CheckoutView = z.input<typeof Checkout>;
export type OrderView = z.input<typeof Order>;
export type OrderSummaryView = z.input<typeof OrderSummary>;
export type RefundView = z.input<typeof Refund>;

export interface ViewSettings {
  /** handed to the provider's widget */
  readonly clientKey: string;
  /** the sandbox's payment page, when the provider is the sandbox */
  readonly sandboxUrl?: string;
  /** one order, ten minutes */
  readonly signTicket: (orderId: string) => string;
}

type Shown = Pick<OrderRow, 'orderId' | 'memberId' | 'sequence' | 'status' | 'amount' | 'items'>;

export const checkoutPath = (orderId: string): string => `/v1/checkouts/${orderId}`;
export const refundPath = (orderId: string, refundId: string): string => `/v1/orders/${orderId}/refunds/${refundId}`;

const payPage = (sandboxUrl: string, order: Shown): string =>
  `${sandboxUrl}/sandbox/pay?orderId=${order.orderId}&amount=${order.amount}`;

/** The customer key must be hard to guess at the provider; member ids are random UUIDs. */
export const acceptedView = (order: Shown, settings: ViewSettings): AcceptedView => ({
  orderId: order.orderId,
  status: order.status,
  sequence: order.sequence,
  amount: order.amount,
  currency: CURRENCY,
  items: order.items.map(({ productId, name, quantity, unitPrice }) => ({ productId, name, quantity, unitPrice })),
  payment: {
    orderId: order.orderId,
    amount: order.amount,
    orderName: orderName(order.items.map((item) => item.name)),
    clientKey: settings.clientKey,
    customerKey: order.memberId,
    ...(settings.sandboxUrl ? { sandboxUrl: payPage(settings.sandboxUrl, order) } : {}),
  },
  eventsUrl: `${checkoutPath(order.orderId)}/events?ticket=${settings.signTicket(order.orderId)}`,
});

const timelineView = (timeline: readonly TimelineRow[]) =>
  timeline.map(({ status, at, reason }) => ({ status, at: at.toISOString(), reason }));

export const checkoutView = (
  order: OrderRow,
  extra: { readonly ahead: number | null; readonly timeline: readonly TimelineRow[] },
  settings: ViewSettings,
): CheckoutView => ({
  ...acceptedView(order, settings),
  ahead: extra.ahead,
  payBy: order.payBy?.toISOString() ?? null,
  timeline: timelineView(extra.timeline),
});

export const orderSummaryView = (order: OrderRow): OrderSummaryView => ({
  orderId: order.orderId,
  memberId: order.memberId,
  status: order.status,
  sequence: order.sequence,
  amount: order.amount,
  currency: CURRENCY,
  items: order.items.map(({ productId, name, quantity, unitPrice }) => ({ productId, name, quantity, unitPrice })),
  payBy: order.payBy?.toISOString() ?? null,
  createdAt: order.createdAt.toISOString(),
  updatedAt: order.updatedAt.toISOString(),
});

export const orderView = (
  order: OrderRow,
  extra: {
    readonly payments: readonly PaymentRow[];
    readonly timeline: readonly TimelineRow[];
    readonly sagaUrl?: string;
  },
): OrderView => ({
  ...orderSummaryView(order),
  payments: extra.payments.map((payment) => ({ ...payment, approvedAt: payment.approvedAt?.toISOString() ?? null })),
  timeline: timelineView(extra.timeline),
  ...(extra.sagaUrl ? { sagaUrl: extra.sagaUrl } : {}),
});

export const refundView = (refund: RefundRow): RefundView => ({
  refundId: refund.refundId,
  orderId: refund.orderId,
  paymentId: refund.paymentId,
  status: refund.status,
  amount: refund.amount,
  currency: CURRENCY,
  reason: refund.reason,
  createdAt: refund.createdAt.toISOString(),
  updatedAt: refund.updatedAt.toISOString(),
});
