/** Ended unsold by the buyer, the last decline or a saga that could not start; `reason` says which. */
import { defineEvent, orderEvent, orderExample } from './definition';

export const orderCancelled = defineEvent({
  type: 'order.cancelled',
  schema: orderEvent('order.cancelled'),
  emittedBy: 'endOrder, endQueued',
  consumedBy: ['notifications'],
  example: { ...orderExample('order.cancelled', 3), reason: 'cancelled_by_buyer' },
});
