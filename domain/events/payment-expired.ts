/** A payment that nobody used ended with its order. */
import { defineEvent, paymentEvent, paymentExample } from './definition';

export const paymentExpired = defineEvent({
  type: 'payment.expired',
  schema: paymentEvent('payment.expired'),
  emittedBy: 'endOrder',
  consumedBy: ['notifications'],
  example: paymentExample('payment.expired', 3),
});
