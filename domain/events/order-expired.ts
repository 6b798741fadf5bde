/** Not paid in time; the units are free again. */
import { defineEvent, orderEvent, orderExample } from './definition';

export const orderExpired = defineEvent({
  type: 'order.expired',
  schema: orderEvent('order.expired'),
  emittedBy: 'endOrder',
  consumedBy: ['notifications'],
  example: { ...orderExample('order.expired', 3), reason: 'deadline_passed' },
});
