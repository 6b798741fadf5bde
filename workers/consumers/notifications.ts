/** Group `notifications`: one message to the member per event. */
import type { DomainEvent, EventType } from '../../domain/events/event';
import { type Effect, rememberVersions, seenVersions } from '../../infra/mysql/repositories/inbox';
import { insertNotifications } from '../../infra/mysql/repositories/notifications';

const GROUP = 'notifications';

const TEXTS: Readonly<Record<EventType, (event: DomainEvent) => string>> = {
  'order.created': (event) => `Your order over ${won(event)} is reserved. Please pay in time.`,
  'order.confirmed': (event) => `Your order over ${won(event)} is confirmed.`,
  'order.cancelled': () => 'Your order was cancelled; nothing was charged for it.',
  'order.expired': () => 'Your order was not paid in time and has expired.',
  'order.refunded': (event) => `Your order was refunded: ${won(event)}.`,
  'payment.approved': (event) => `Your payment of ${won(event)} was approved.`,
  'payment.declined': (event) => `Your payment of ${won(event)} was declined.`,
  'payment.expired': () => 'The payment of your order is closed; nothing was charged under it.',
  'payment.refunded': (event) => `${won(event)} went back to you.`,
};

const won = ({ amount }: DomainEvent): string => `${amount.toLocaleString('en-US')} KRW`;

const isOfOrder = ({ type }: DomainEvent): boolean => type.startsWith('order.');

/**
 * A late `order.created` (replayed, or published again) is remembered without a message: it would ask the member to pay
 * an order that has gone on. Every other event states what stays true.
 */
export const notify: Effect = async (tx, events) => {
  const ofOrders = events.filter(isOfOrder);
  const seen = new Map(await seenVersions(tx, GROUP, [...new Set(ofOrders.map(({ orderId }) => orderId))]));
  const isLate = (event: DomainEvent): boolean => {
    const newest = seen.get(event.orderId) ?? 0;
    if (isOfOrder(event)) seen.set(event.orderId, Math.max(newest, event.orderVersion));
    return event.type === 'order.created' && event.orderVersion < newest;
  };
  const timely = events.filter((event) => !isLate(event));
  await insertNotifications(
    tx,
    timely.map((event) => ({ ...event, kind: event.type, text: TEXTS[event.type](event) })),
  );
  await rememberVersions(tx, GROUP, seen);
};
