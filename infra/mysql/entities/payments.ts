import { EntitySchema } from 'typeorm';
import {
  bigInteger,
  exactText,
  id,
  increment,
  index,
  integer,
  json,
  nullable,
  primary,
  text,
  time,
  uniqueIndex,
} from './columns';

/** One attempt to pay an order with one payment key; its id is the provider's idempotency key. Never deleted. */
export const payments = new EntitySchema({
  name: 'payments',
  columns: {
    id: id(primary),
    order_id: id(),
    member_id: id(),
    payment_key: exactText(200)(nullable),
    status: text(12)(),
    amount: bigInteger(),
    captured_amount: bigInteger(nullable),
    method: text(40)(nullable),
    failure_code: text(80)(nullable),
    approved_at: time(nullable),
    created_at: time(),
    updated_at: time(),
  },
  indices: [
    uniqueIndex('uq_payments_key', ['order_id', 'payment_key']),
    index('ix_payments_member', ['member_id', 'id']),
    index('ix_payments_status', ['status', 'updated_at']),
  ],
});

/** One move of a payment. Never changed. */
export const paymentHistory = new EntitySchema({
  name: 'payment_history',
  columns: {
    id: bigInteger(increment),
    payment_id: id(),
    status: text(12)(),
    reason: text(120)(nullable),
    at: time(),
  },
  indices: [index('ix_payment_history_payment', ['payment_id', 'id'])],
});

/** Money on its way back: at most one per payment, always all of it. */
export const refunds = new EntitySchema({
  name: 'refunds',
  columns: {
    id: id(primary),
    order_id: id(),
    payment_id: id(),
    kind: text(10)(),
    status: text(10)(),
    amount: bigInteger(),
    reason: text(200)(),
    requested_by: id(nullable),
    refused_code: text(80)(nullable),
    refusals: integer({ default: 0 }),
    created_at: time(),
    updated_at: time(),
  },
  indices: [
    uniqueIndex('uq_refunds_payment', ['payment_id']),
    index('ix_refunds_order', ['order_id']),
    index('ix_refunds_status', ['status', 'updated_at']),
  ],
});

/**
 * One message of the provider, or of anybody: a hint, written before it is answered. Trimmed a day after the provider was asked,
 * or it was laid aside (a day after it came); never before.
 */
export const webhookEvents = new EntitySchema({
  name: 'webhook_events',
  columns: { id: id(primary), payload: json(), received_at: time(), asked_at: time(nullable) },
  indices: [index('ix_webhook_events_unasked', ['asked_at', 'id'])],
});
