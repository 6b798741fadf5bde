import { EntitySchema } from 'typeorm';
import {
  bigInteger,
  exactText,
  hash,
  id,
  increment,
  index,
  integer,
  json,
  nullable,
  primary,
  text,
  time,
  tinyInteger,
  uniqueIndex,
} from './columns';

/** One accepted checkout, from the 202 on; changed by its owner's saga, or while QUEUED by a guarded cancel. Never deleted. */
export const orders = new EntitySchema({
  name: 'orders',
  columns: {
    id: id(primary),
    member_id: id(),
    sequence: bigInteger(),
    status: text(16)(),
    amount: bigInteger(),
    items: json(),
    idempotency_key: exactText(255)(),
    body_hash: hash({ charset: 'ascii' }),
    generation: integer(),
    from_cart: tinyInteger({ default: 0 }),
    limited_products: json(),
    paying: tinyInteger({ default: 0 }),
    owner: text(80)(nullable),
    owner_epoch: integer({ default: 0 }),
    claimed_at: time(nullable),
    dispatched_at: time(nullable),
    start_attempts: integer({ default: 0 }),
    active_payment: id(nullable),
    pay_by: time(nullable),
    version: integer({ default: 1 }),
    created_at: time(),
    updated_at: time(),
  },
  indices: [
    uniqueIndex('uq_orders_sequence', ['sequence']),
    uniqueIndex('uq_orders_key', ['member_id', 'idempotency_key']),
    index('ix_orders_line', ['status', 'owner', 'paying', 'sequence']),
    index('ix_orders_member', ['member_id', 'id']),
    index('ix_orders_owner', ['owner']),
  ],
});

/** One product of an order with name and price as the buyer saw them; written when the order opens. Never changed. */
export const orderLines = new EntitySchema({
  name: 'order_lines',
  columns: {
    order_id: id(primary),
    product_id: id(primary),
    name: text(200)(),
    quantity: integer(),
    unit_price: integer(),
  },
});

/** One move of an order; its id numbers the event stream. Never changed. */
export const orderHistory = new EntitySchema({
  name: 'order_history',
  columns: {
    id: bigInteger(increment),
    order_id: id(),
    status: text(16)(),
    reason: text(40)(nullable),
    at: time(),
  },
  indices: [index('ix_order_history_order', ['order_id', 'id'])],
});

/** A line of one row that dispatchers lock while they count what is in flight. */
export const dispatchLine = new EntitySchema({
  name: 'dispatch_line',
  columns: { id: tinyInteger(primary), claimed: bigInteger() },
});
