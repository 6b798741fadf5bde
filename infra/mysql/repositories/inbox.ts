/** What a consumer has taken: one row per consumer and event, in the transaction of its effect. */
import type { DataSource } from 'typeorm';
import type { DomainEvent } from '../../../domain/events/event';
import type { ConsumerGroup } from '../../../domain/names';
import { inTransaction, type Sql } from '../transaction';

/** What events cause, in the transaction that remembers them. Each event comes here once. */
export type Effect = (tx: Sql, events: readonly DomainEvent[]) => Promise<void>;

/** Of several copies of one event the first counts; what is in the inbox counts no more. */
async function newOnes(tx: Sql, group: ConsumerGroup, events: readonly DomainEvent[]): Promise<readonly DomainEvent[]> {
  const rows = await tx.rows<{ eventId: string }>(
    'SELECT event_id AS eventId FROM inbox WHERE consumer = ? AND event_id IN (?)',
    [group, events.map(({ eventId }) => eventId)],
  );
  const known = new Set(rows.map(({ eventId }) => eventId));
  return events.filter(({ eventId }) => !known.has(eventId) && known.add(eventId));
}

/**
 * Runs `effect` for the events not taken before, and remembers them, in one transaction.
 * @returns how many were new
 * @throws errno 1062 when another process takes one of them at the same moment: nothing happened, try again
 */
export function takeNew(
  source: DataSource,
  { group, events, effect }: { group: ConsumerGroup; events: readonly DomainEvent[]; effect: Effect },
): Promise<number> {
  return inTransaction(source, async (tx) => {
    const fresh = await newOnes(tx, group, events);
    if (fresh.length === 0) return 0;
    const now = new Date();
    await tx.change('INSERT INTO inbox (consumer, event_id, at) VALUES ?', [
      fresh.map(({ eventId }) => [group, eventId, now]),
    ]);
    await effect(tx, fresh);
    return fresh.length;
  });
}

/** The newest version of each order that a consumer has seen; orders it knows nothing of are absent. */
export async function seenVersions(
  tx: Sql,
  group: ConsumerGroup,
  orderIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (orderIds.length === 0) return new Map();
  const rows = await tx.rows<{ orderId: string; version: number }>(
    'SELECT order_id AS orderId, version FROM consumed_versions WHERE consumer = ? AND order_id IN (?)',
    [group, orderIds],
  );
  return new Map(rows.map(({ orderId, version }) => [orderId, version]));
}

/** Versions only rise, in whatever order they come. Rows are locked by order id. */
export async function rememberVersions(
  tx: Sql,
  group: ConsumerGroup,
  versions: ReadonlyMap<string, number>,
): Promise<void> {
  if (versions.size === 0) return;
  await tx.change(
    `INSERT INTO consumed_versions (consumer, order_id, version) VALUES ?
     ON DUPLICATE KEY UPDATE version = GREATEST(version, VALUES(version))`,
    [[...versions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([orderId, version]) => [group, orderId, version])],
  );
}
