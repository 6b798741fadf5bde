/** All events, and how a message becomes one. */
import { CONSUMER_GROUPS, type ConsumerGroup, type TopicName } from '../names';
import type { EventDefinition } from './definition';
import { type DomainEvent, type EventType, topicOf } from './event';
import { orderCancelled } from './order-cancelled';
import { orderConfirmed } from './order-confirmed';
import { orderCreated } from './order-created';
import { orderExpired } from './order-expired';
import { orderRefunded } from './order-refunded';
import { paymentApproved } from './payment-approved';
import { paymentDeclined } from './payment-declined';
import { paymentExpired } from './payment-expired';
import { paymentRefunded } from './payment-refunded';

export { keyOf } from './definition';

export const events: Readonly<Record<EventType, EventDefinition>> = {
  'order.created': orderCreated,
  'order.confirmed': orderConfirmed,
  'order.cancelled': orderCancelled,
  'order.expired': orderExpired,
  'order.refunded': orderRefunded,
  'payment.approved': paymentApproved,
  'payment.declined': paymentDeclined,
  'payment.expired': paymentExpired,
  'payment.refunded': paymentRefunded,
};

/** The message is no event we know. Sending it again changes nothing; a newer release may read it. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

const isEventType = (type: unknown): type is EventType => typeof type === 'string' && Object.hasOwn(events, type);

/**
 * @param message the value of a Kafka message, or the payload of an outbox row, parsed from JSON
 * @throws UnreadableEvent naming the field at fault
 */
export function parseEvent(message: unknown): DomainEvent {
  const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
  if (!isEventType(type)) throw new UnreadableEvent(`unknown type of event: ${JSON.stringify(type)?.slice(0, 60)}`);
  const parsed = events[type].schema.safeParse(message);
  if (parsed.success) return parsed.data as DomainEvent;
  const [issue] = parsed.error.issues;
  throw new UnreadableEvent(`${type}: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Event types a consumer group takes; every other type on its topics is none of its business. */
export const eventsOf = (group: ConsumerGroup): readonly EventType[] =>
  Object.values(events)
    .filter(({ consumedBy }) => consumedBy.includes(group))
    .map(({ type }) => type);

export const topicsOf = (group: ConsumerGroup): readonly TopicName[] => [...new Set(eventsOf(group).map(topicOf))];

/** Groups that take this type of event: each owes it one inbox row. */
export const groupsOf = (type: EventType): readonly ConsumerGroup[] =>
  CONSUMER_GROUPS.filter((group) => events[type].consumedBy.includes(group));
