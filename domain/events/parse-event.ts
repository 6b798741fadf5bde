/** The format of events as consumers check it: a message from the topic is not ours until it fits. */
import { z } from 'zod';
import type { DomainEvent } from './event';

const item = z.object({
  productId: z.string(),
  name: z.string(),
  quantity: z.number().int(),
  unitPrice: z.number().int(),
});

/** Fields are only added: unknown ones pass. */
export const eventSchema = z.object({
  eventId: z.string().min(1).max(36),
  type: z.enum([
    'order.created',
    'order.confirmed',
    'order.cancelled',
    'order.expired',
    'order.refunded',
    'payment.approved',
    'payment.declined',
    'payment.expired',
    'payment.refunded',
  ]),
  version: z.literal(1),
  occurredAt: z.iso.datetime(),
  orderId: z.string(),
  memberId: z.string(),
  orderVersion: z.number().int(),
  amount: z.number().int(),
  currency: z.literal('KRW'),
  items: z.array(item).optional(),
  paymentId: z.string().optional(),
  reason: z.string().optional(),
});

/** @throws z.ZodError or SyntaxError when the text is not an event of ours */
export const parseEvent = (text: string): DomainEvent => eventSchema.parse(JSON.parse(text));
