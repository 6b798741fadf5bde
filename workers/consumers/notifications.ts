/** Group `notifications`: one message to the member per event. */
import type { DomainEvent, EventType } from '../../domain/events/event';
import { createId } from '../../domain/ids';
import type { Sql } from '../../infra/mysql/transaction';

const TEXTS: Readonly<Record<EventType, (event: DomainEvent) => string>> = {
  'order.created': (event) => `Your order over ${won(event)} is reserved. Please pay in time.`,
  'order.confirmed': (event) => `Your order over ${won(event)} is confirmed.`,
  'order.cancelled': () => 'Your order was cancelled; nothing was charged for it.',
  'order.expired': () => 'Your order was not paid in time and has expired.',
  'order.refunded': (event) => `Your order was refunded: ${won(event)}.`,
  'payment.approved': (event) => `Your payment of ${won(event)} was approved.`,
  'payment.declined': (event) => `Your payment of ${won(event)} was declined.`,
  'payment.expired': () => 'A payment you had begun has expired.',
  'payment.refunded': (event) => `${won(event)} went back to you.`,
};

const won = ({ amount }: DomainEvent): string => `${amount.toLocaleString('en-US')} KRW`;

/** The effect, in the transaction that also remembers the event. */
export async function notify(tx: Sql, event: DomainEvent): Promise<void> {
  await tx.change(
    `INSERT INTO notifications (id, member_id, event_id, kind, order_id, text, created_at)
     VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
    [createId('ntf'), event.memberId, event.eventId, event.type, event.orderId, TEXTS[event.type](event)],
  );
}
