/**
 * How an event is described: one file per event holds its schema, who emits it, who consumes it, and an example that
 * the tests and the documents use. Schemas ignore fields they do not know, because fields are only ever added.
 */
import { z } from 'zod';
import { CURRENCY } from '../money';
import type { ConsumerGroup } from '../names';
import { amount, id, price, quantity, timestamp } from '../operations/fields';
import type { EventType } from './event';

export interface EventDefinition<T extends EventType = EventType, S extends z.ZodType = z.ZodType> {
  readonly type: T;
  /** version of the format */
  readonly version: 1;
  readonly schema: S;
  /** the ledger's function that writes it */
  readonly emittedBy: string;
  readonly consumedBy: readonly ConsumerGroup[];
  readonly example: z.input<S>;
}

/** Keeps literal types, and has the compiler check the example against the schema. */
export const defineEvent = <T extends EventType, S extends z.ZodType>(
  definition: Omit<EventDefinition<T, S>, 'version'>,
): EventDefinition<T, S> => ({ ...definition, version: 1 });

const envelope = <T extends EventType>(type: T) => ({
  eventId: id('evt'),
  type: z.literal(type),
  version: z.literal(1),
  occurredAt: timestamp,
  orderId: id('ord'),
  memberId: id('mem'),
  orderVersion: z.number().int().min(1),
  amount,
  currency: z.literal(CURRENCY),
});

const item = z.object({ productId: id('prd'), name: z.string(), quantity, unitPrice: price });

export const orderEvent = <T extends EventType>(type: T) =>
  z.object({ ...envelope(type), items: z.array(item).min(1), reason: z.string().optional() });

export const paymentEvent = <T extends EventType>(type: T) =>
  z.object({ ...envelope(type), paymentId: id('pay'), reason: z.string().optional() });

const EXAMPLE = {
  eventId: 'evt_01kb0z3v9qf3sa3d1xg9r7m2ze',
  version: 1,
  occurredAt: '2026-11-25T03:00:00.000Z',
  orderId: 'ord_01kb0z3tq4e8wb6n0p5s8y4k1c',
  memberId: 'mem_01kb0yzk4wf0mvvp8c4d7x3t9h',
  currency: CURRENCY,
} as const;

/** Two of one thing at 12,000 won. */
export const orderExample = <T extends EventType>(type: T, orderVersion: number) => ({
  ...EXAMPLE,
  type,
  orderVersion,
  amount: 24_000,
  items: [{ productId: 'prd_01kb0yx8h2e1ttm5q9z6v0r4aw', name: 'Shoe', quantity: 2, unitPrice: 12_000 }],
});

export const paymentExample = <T extends EventType>(type: T, orderVersion: number) => ({
  ...EXAMPLE,
  type,
  orderVersion,
  amount: 24_000,
  paymentId: 'pay_01kb0z3xw1fk2s7c9e4m6n8b0d',
});
