/**
 * Facts that Kafka carries after the commit. Keyed by order id, so that one order's events stay in order.
 * Fields are only added; a consumer ignores versions of an order older than what it has seen.
 */
import type { TopicName } from '../names';

export type OrderEventType =
  | 'order.created'
  | 'order.confirmed'
  | 'order.cancelled'
  | 'order.expired'
  | 'order.refunded';
export type PaymentEventType = 'payment.approved' | 'payment.declined' | 'payment.expired' | 'payment.refunded';
export type EventType = OrderEventType | PaymentEventType;

export interface EventItem {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  /** won */
  readonly unitPrice: number;
}

/** What every event carries, whatever its type. */
export interface DomainEvent {
  /** evt_…; the inbox is keyed by it */
  readonly eventId: string;
  readonly type: EventType;
  /** version of the event's format */
  readonly version: 1;
  /** UTC, ISO 8601 */
  readonly occurredAt: string;
  readonly orderId: string;
  readonly memberId: string;
  /** counts the order's events, from 1: older than seen is ignored */
  readonly orderVersion: number;
  /** won */
  readonly amount: number;
  readonly currency: 'KRW';
  /** order events only */
  readonly items?: readonly EventItem[];
  /** payment events only */
  readonly paymentId?: string;
  /** order.cancelled, payment.declined: why */
  readonly reason?: string;
}

export const topicOf = (type: EventType): TopicName => (type.startsWith('order.') ? 'orders' : 'payments');
