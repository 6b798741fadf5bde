/** All events, and how a message becomes one. */
import type { ConsumerGroup, TopicName } from '../names';
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

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UnreadableEvent('not JSON', { cause });
  }
};

/**
 * @param text the value of a Kafka message
 * @throws UnreadableEvent naming the field at fault
 */
export function parseEvent(text: string): DomainEvent {
  const message = parseJson(text);
  const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
  if (!isEventType(type)) throw new UnreadableEvent(`unknown type of event: ${JSON.stringify(type)?.slice(0, 60)}`);
  const parsed = events[type].schema.safeParse(message);
  if (parsed.success) return parsed.data as DomainEvent;
  const [issue] = parsed.error.issues;
  throw new UnreadableEvent(`${type}: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Topics on which a group's events travel. */
export const topicsOf = (group: ConsumerGroup): readonly TopicName[] => [
  ...new Set(
    Object.values(events)
      .filter(({ consumedBy }) => consumedBy.includes(group))
      .map(({ type }) => topicOf(type)),
  ),
];
