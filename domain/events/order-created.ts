/** QUEUED became PENDING_PAYMENT: the order can be paid until its deadline. */
import { defineEvent, orderEvent, orderExample } from './definition';

export const orderCreated = defineEvent({
  type: 'order.created',
  schema: orderEvent('order.created'),
  emittedBy: 'openOrder',
  consumedBy: ['notifications'],
  example: orderExample('order.created', 2),
});
