/** Captured by the provider, for an order that is confirmed by it. */
import { defineEvent, paymentEvent, paymentExample } from './definition';

export const paymentApproved = defineEvent({
  type: 'payment.approved',
  schema: paymentEvent('payment.approved'),
  emittedBy: 'recordCapture',
  consumedBy: ['notifications'],
  example: paymentExample('payment.approved', 4),
});
