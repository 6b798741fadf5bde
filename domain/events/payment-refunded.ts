/** The money of one payment went back: a buyer's refund, or money that no order wanted. */
import { defineEvent, paymentEvent, paymentExample } from './definition';

export const paymentRefunded = defineEvent({
  type: 'payment.refunded',
  schema: paymentEvent('payment.refunded'),
  emittedBy: 'recordRefund',
  consumedBy: ['notifications'],
  example: paymentExample('payment.refunded', 6),
});
