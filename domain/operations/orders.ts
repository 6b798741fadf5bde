/** Checkout and order: a checkout's id is its order's id. */
import { z } from 'zod';
import { ORDER_STATUSES } from '../order';
import { PAYMENT_STATUSES } from '../payment';
import { amount, currency, id, pageOf, pageQuery, price, quantity, text, timestamp } from './fields';
import { defineOperation } from './operation';

const status = z.enum(ORDER_STATUSES);
const params = z.strictObject({ orderId: id('ord') });

export const OrderItem = z.object({ productId: id('prd'), name: z.string(), quantity, unitPrice: price });
export const TimelineEntry = z.object({ status, at: timestamp, reason: z.string().nullable() });

/** What the provider's payment widget needs. */
export const WidgetPayment = z.object({
  orderId: id('ord'),
  amount,
  orderName: z.string(),
  clientKey: z.string(),
  customerKey: z.string(),
  sandboxUrl: z.url().optional().describe('only with the sandbox: a page that authorises and calls back'),
});
export const Accepted = z.object({
  orderId: id('ord'),
  status,
  sequence: z.number().int().describe('the admission number: units were given out in this order'),
  amount,
  currency,
  items: z.array(OrderItem),
  payment: WidgetPayment,
  eventsUrl: z.string().describe('the event stream, with its ticket'),
});
export const Checkout = Accepted.extend({
  ahead: z.number().int().nullable().describe('queued orders before this one; null once it has left the queue'),
  payBy: timestamp.nullable().describe('until when it can be paid; null before its turn'),
  timeline: z.array(TimelineEntry),
});
export const OrderPayment = z.object({
  paymentId: id('pay'),
  status: z.enum(PAYMENT_STATUSES),
  amount,
  approvedAt: timestamp.nullable(),
  failureCode: z.string().nullable(),
});
export const Order = z.object({
  orderId: id('ord'),
  memberId: id('mem'),
  status,
  sequence: z.number().int(),
  amount,
  currency,
  items: z.array(OrderItem),
  payments: z.array(OrderPayment),
  timeline: z.array(TimelineEntry),
  payBy: timestamp.nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
  sagaUrl: z.string().optional().describe('admins only: the saga in the Temporal Web UI'),
});
export const OrderSummary = Order.omit({ payments: true, timeline: true, sagaUrl: true });
export const Refund = z.object({
  refundId: id('rfd'),
  orderId: id('ord'),
  paymentId: id('pay'),
  status: z.enum(['REFUNDING', 'REFUNDED']),
  amount,
  currency,
  reason: z.string(),
  createdAt: timestamp,
  updatedAt: timestamp,
});

const line = z.strictObject({ productId: id('prd'), quantity });
const newCheckout = z.union([
  z.strictObject({
    items: z
      .array(line)
      .min(1)
      .max(20)
      .refine((lines) => new Set(lines.map((each) => each.productId)).size === lines.length, {
        message: 'each product at most once',
      }),
    expectedAmount: amount.optional(),
  }),
  z.strictObject({ cart: z.literal(true), expectedAmount: amount.optional() }),
]);

const ACCEPTED_HEADERS = ['Location', 'Preference-Applied', 'Idempotency-Replayed'] as const;

export const createCheckout = defineOperation({
  id: 'createCheckout',
  summary: 'Check out: units are held and the order is recorded before this answers',
  service: 'orders',
  method: 'post',
  path: '/v1/checkouts',
  access: 'member',
  idempotent: true,
  headers: ['Prefer'],
  body: newCheckout,
  answers: {
    202: { description: 'Accepted', schema: Accepted, headers: ACCEPTED_HEADERS },
    201: {
      description: 'Accepted and ready to be paid (Prefer: wait=N)',
      schema: Accepted,
      headers: ACCEPTED_HEADERS,
    },
  },
  problems: [
    'sold_out',
    'limit_reached',
    'sale_not_open',
    'sale_closed',
    'price_changed',
    'cart_empty',
    'unknown_product',
    'idempotency_key_reused',
    'request_in_progress',
    'gate_rebuilding',
    'backlog_full',
  ],
});
export const getCheckout = defineOperation({
  id: 'getCheckout',
  summary: 'Follow a checkout',
  service: 'orders',
  method: 'get',
  path: '/v1/checkouts/{orderId}',
  access: 'member',
  params,
  answers: { 200: { description: 'The checkout', schema: Checkout } },
  problems: ['not_found'],
});
export const streamCheckout = defineOperation({
  id: 'streamCheckout',
  summary: 'Follow a checkout as server-sent events',
  service: 'orders',
  method: 'get',
  path: '/v1/checkouts/{orderId}/events',
  access: 'stream',
  params,
  query: z.strictObject({
    ticket: z
      .string()
      .max(500)
      .optional()
      .describe(
        'instead of a token, which browsers cannot send here: the one in `eventsUrl`, for this order and ten minutes',
      ),
  }),
  headers: ['Last-Event-ID'],
  answers: {
    200: { description: '`event: status`, data as GET', schema: Checkout, mediaType: 'text/event-stream' },
    204: { description: 'The final state was seen; do not come back' },
  },
  problems: ['not_found'],
});
export const cancelCheckout = defineOperation({
  id: 'cancelCheckout',
  summary: 'Cancel an order that is not paid',
  service: 'orders',
  method: 'post',
  path: '/v1/checkouts/{orderId}/cancel',
  access: 'member',
  idempotent: true,
  params,
  answers: { 200: { description: 'The cancelled checkout', schema: Checkout, headers: ['Idempotency-Replayed'] } },
  problems: ['idempotency_key_reused', 'not_found', 'payment_in_progress', 'order_not_cancellable'],
});
export const listOrders = defineOperation({
  id: 'listOrders',
  summary: 'My orders (admins: all), newest first',
  service: 'orders',
  method: 'get',
  path: '/v1/orders',
  access: 'member',
  query: z.strictObject({ ...pageQuery, status: status.optional().describe('only orders in this state') }),
  answers: { 200: { description: 'A page of orders', schema: pageOf(OrderSummary) } },
  problems: ['invalid_cursor'],
});
export const getOrder = defineOperation({
  id: 'getOrder',
  summary: 'One order with lines, payments and timeline',
  service: 'orders',
  method: 'get',
  path: '/v1/orders/{orderId}',
  access: 'member',
  params,
  answers: { 200: { description: 'The order', schema: Order } },
  problems: ['not_found'],
});
export const createRefund = defineOperation({
  id: 'createRefund',
  summary: 'Refund a confirmed order in full',
  service: 'orders',
  method: 'post',
  path: '/v1/orders/{orderId}/refunds',
  access: 'member',
  idempotent: true,
  params,
  body: z.strictObject({ reason: text(200) }),
  answers: { 202: { description: 'Under way', schema: Refund, headers: ['Location', 'Idempotency-Replayed'] } },
  problems: ['not_found', 'order_not_refundable', 'idempotency_key_reused'],
});
export const getRefund = defineOperation({
  id: 'getRefund',
  summary: 'Follow a refund',
  service: 'orders',
  method: 'get',
  path: '/v1/orders/{orderId}/refunds/{refundId}',
  access: 'member',
  params: z.strictObject({ orderId: id('ord'), refundId: id('rfd') }),
  answers: { 200: { description: 'The refund', schema: Refund } },
  problems: ['not_found'],
});
