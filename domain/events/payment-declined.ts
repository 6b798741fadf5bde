/** One payment was refused for good; the order may still be open for another. */
import { defineEvent, paymentEvent, paymentExample } from './definition';

export const paymentDeclined = defineEvent({
  type: 'payment.declined',
  schema: paymentEvent('payment.declined'),
  emittedBy: 'recordDecline',
  consumedBy: ['notifications'],
  example: { ...paymentExample('payment.declined', 4), reason: 'REJECT_CARD_PAYMENT' },
});
