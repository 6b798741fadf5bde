/** A confirmed order's money went back in full; the units are for sale again. */
import { defineEvent, orderEvent, orderExample } from './definition';

export const orderRefunded = defineEvent({
  type: 'order.refunded',
  schema: orderEvent('order.refunded'),
  emittedBy: 'recordRefund',
  consumedBy: ['notifications', 'sales'],
  example: orderExample('order.refunded', 6),
});
