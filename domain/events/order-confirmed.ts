/** Paid; the units are sold. */
import { defineEvent, orderEvent, orderExample } from './definition';

export const orderConfirmed = defineEvent({
  type: 'order.confirmed',
  schema: orderEvent('order.confirmed'),
  emittedBy: 'recordCapture',
  consumedBy: ['notifications', 'sales'],
  example: orderExample('order.confirmed', 4),
});
