import { EntitySchema } from 'typeorm';
import { bigInteger, id, increment, index, integer, json, nullable, primary, text, time, uniqueIndex } from './columns';

/** One fact to publish, written with the change it tells of; trimmed some time after it was published. */
export const outbox = new EntitySchema({
  name: 'outbox',
  columns: {
    id: bigInteger(increment),
    event_id: id(),
    topic: text(20)(),
    type: text(40)(),
    order_id: id(),
    payload: json(),
    created_at: time(),
    published_at: time(nullable),
  },
  indices: [
    uniqueIndex('uq_outbox_event', ['event_id']),
    index('ix_outbox_unpublished', ['published_at', 'id']),
    index('ix_outbox_order', ['order_id', 'id']),
  ],
});

/** One event one consumer has taken, written with its effect; trimmed after its outbox row. */
export const inbox = new EntitySchema({
  name: 'inbox',
  columns: { consumer: text(40)(primary), event_id: id(primary), at: time() },
  indices: [index('ix_inbox_age', ['at'])],
});

/**
 * Per consumer and order the newest version seen, written with the event's effect: an older `order.created` is taken without
 * asking the member to pay. Never deleted, like its order: that event may come years later (a dead letter waits for a person, an
 * outbox row for its group), and only this row tells that it is late.
 */
export const consumedVersions = new EntitySchema({
  name: 'consumed_versions',
  columns: { consumer: text(40)(primary), order_id: id(primary), version: integer() },
});

/** One message to a member. */
export const notifications = new EntitySchema({
  name: 'notifications',
  columns: {
    id: id(primary),
    member_id: id(),
    event_id: id(),
    kind: text(40)(),
    order_id: id(),
    text: text(500)(),
    created_at: time(),
  },
  indices: [uniqueIndex('uq_notifications_event', ['event_id']), index('ix_notifications_member', ['member_id', 'id'])],
});

/** Units and revenue of one product in one minute: confirmed less refunded. */
export const salesMinutes = new EntitySchema({
  name: 'sales_minutes',
  columns: {
    product_id: id(primary),
    minute: { type: 'datetime', primary: true },
    units: integer(),
    revenue: bigInteger(),
  },
});

/** What no program could settle: kept until a person has. */
export const deadLetters = new EntitySchema({
  name: 'dead_letters',
  columns: {
    id: bigInteger(increment),
    source: text(40)(),
    reference: text(80)(),
    reason: text(500)(),
    payload: json(),
    created_at: time(),
    replayed_at: time(nullable),
  },
  indices: [index('ix_dead_letters_source', ['source', 'id'])],
});
