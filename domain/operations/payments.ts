/** Payment: get-or-create, confirm, list; the provider's webhooks. */
import { z } from 'zod';
import { ORDER_STATUSES } from '../order';
import { PAYMENT_STATUSES } from '../payment';
import { amount, currency, id, pageOf, pageQuery, paymentKey, timestamp } from './fields';
import { defineOperation } from './operation';

const status = z.enum(PAYMENT_STATUSES);

export const Payment = z.object({
  paymentId: id('pay'),
  orderId: id('ord'),
  status,
  amount,
  currency,
  approvedAt: timestamp.nullable(),
  failureCode: z.string().nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export const Confirmation = z.object({
  paymentId: id('pay'),
  orderId: id('ord'),
  status,
  orderStatus: z.enum(ORDER_STATUSES),
  amount,
  approvedAt: timestamp.nullable(),
});

export const createPayment = defineOperation({
  id: 'createPayment',
  summary: 'The READY payment of an order (never required before a confirm)',
  service: 'payments',
  method: 'post',
  path: '/v1/payments',
  access: 'member',
  body: z.strictObject({ orderId: id('ord') }),
  answers: {
    200: { description: 'It was there', schema: Payment },
    201: { description: 'Made', schema: Payment, headers: ['Location'] },
  },
  problems: ['not_found', 'order_not_payable'],
});
export const confirmPayment = defineOperation({
  id: 'confirmPayment',
  summary: 'Capture what the buyer authorised at the provider',
  service: 'payments',
  method: 'post',
  path: '/v1/payments/confirm',
  access: 'member',
  idempotent: true,
  body: z.strictObject({ paymentKey, orderId: id('ord'), amount }),
  answers: {
    200: { description: 'Paid and confirmed', schema: Confirmation, headers: ['Idempotency-Replayed'] },
    202: {
      description: 'Not known yet: follow the order',
      schema: Confirmation.partial({ paymentId: true }),
      headers: ['Location'],
    },
  },
  problems: [
    'payment_declined',
    'not_found',
    'order_not_payable',
    'payment_in_progress',
    'amount_mismatch',
    'idempotency_key_reused',
  ],
});
export const listPayments = defineOperation({
  id: 'listPayments',
  summary: 'My payments, newest first',
  service: 'payments',
  method: 'get',
  path: '/v1/payments',
  access: 'member',
  query: z.strictObject({ ...pageQuery, status: status.optional().describe('only payments in this state') }),
  answers: { 200: { description: 'A page of payments', schema: pageOf(Payment) } },
  problems: ['invalid_cursor'],
});
export const getPayment = defineOperation({
  id: 'getPayment',
  summary: 'One payment',
  service: 'payments',
  method: 'get',
  path: '/v1/payments/{paymentId}',
  access: 'member',
  params: z.strictObject({ paymentId: id('pay') }),
  answers: { 200: { description: 'The payment', schema: Payment } },
  problems: ['not_found'],
});
export const receiveWebhook = defineOperation({
  id: 'receiveWebhook',
  summary: 'A hint from the provider; it is stored, then the provider is asked',
  service: 'payments',
  method: 'post',
  path: '/v1/webhooks/toss',
  access: 'public',
  // Whatever the address that the provider was given has in its query, or it adds, is its own.
  query: z.looseObject({}),
  // The provider may add fields and kinds of events, and repeats what is not answered 200: so this one body is open, and
  // need not have what we would use; in `data` a kind of event we do not know may call its own things by these names. Only
  // the envelope has the form that the provider documents. What we do not use is not kept.
  body: z.object({
    eventType: z.string().max(100).optional(),
    createdAt: z.string().max(100).optional(),
    data: z
      .object({
        paymentKey: z.string().max(200).optional().catch(undefined),
        orderId: z.string().max(64).optional().catch(undefined),
        status: z.string().max(40).optional().catch(undefined),
      })
      .optional()
      .catch(undefined),
  }),
  answers: { 200: { description: 'Stored' } },
});
