/** Events that wait to be published. A row is born in the transaction of its change; the relay marks it published. */
import type { DataSource } from 'typeorm';
import { topicsOf } from '../../../domain/events';
import { CONSUMER_GROUPS, type ConsumerGroup, type TopicName } from '../../../domain/names';
import { inTransaction, parseJson, type SqlValue, sqlOf } from '../transaction';

export interface OutboxRow {
  readonly id: number;
  readonly topic: TopicName;
  readonly orderId: string;
  /** the event as JSON text */
  readonly payload: string;
}

export function createOutboxRepository(source: DataSource) {
  const sql = sqlOf(source);
  /** As READ COMMITTED: by itself a statement would lock the gaps it looks into, and consumers insert there. */
  const remove = (text: string, values: readonly SqlValue[]): Promise<number> =>
    inTransaction(source, (tx) => tx.change(text, values));
  return {
    /**
     * The oldest unpublished rows. "Unpublished", not "newer than the last seen": ids are handed out before the commit,
     * so a lower id may appear after a higher one.
     */
    async unpublished(limit: number): Promise<readonly OutboxRow[]> {
      const rows = await sql.rows<OutboxRow>(
        'SELECT id, topic, order_id AS orderId, payload FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT ?',
        [limit],
      );
      return rows.map((row) => ({ ...row, payload: JSON.stringify(parseJson(row.payload)) }));
    },

    /** Marks rows whose messages were acknowledged. Guarded by the lease: an old holder marks nothing. */
    async markPublished(ids: readonly number[], lease: { name: string; epoch: number }): Promise<number> {
      if (ids.length === 0) return 0;
      return sql.change(
        `UPDATE outbox SET published_at = UTC_TIMESTAMP(3)
         WHERE id IN (?) AND EXISTS (SELECT 1 FROM leases WHERE name = ? AND epoch = ?)`,
        [ids, lease.name, lease.epoch],
      );
    },

    /** How much waits, and since when: what an operator watches while Kafka is away. */
    async waiting(): Promise<{ readonly rows: number; readonly oldestS: number }> {
      const [row] = await sql.rows<{ n: number | string; oldest: number | string | null }>(
        `SELECT COUNT(*) AS n, TIMESTAMPDIFF(SECOND, MIN(created_at), UTC_TIMESTAMP(3)) AS oldest
         FROM outbox WHERE published_at IS NULL`,
      );
      return { rows: Number(row?.n ?? 0), oldestS: Number(row?.oldest ?? 0) };
    },

    /**
     * Has the relay publish again what was published over a minute ago and a group has not taken: the topic lost it.
     * @returns how many rows
     */
    republishMissing: (group: ConsumerGroup, topics: readonly TopicName[]): Promise<number> =>
      sql.change(
        `UPDATE outbox SET published_at = NULL
         WHERE published_at < UTC_TIMESTAMP(3) - INTERVAL 60 SECOND AND topic IN (?)
           AND NOT EXISTS (SELECT 1 FROM inbox WHERE consumer = ? AND inbox.event_id = outbox.event_id)`,
        [topics, group],
      ),

    /**
     * Removes rows published that many days ago and taken by every group they are for, at most `limit`: what a group has
     * missed can be published again, however late that is noticed. Inbox rows go after twice that time (Kafka may say an
     * event again), and never while their event can be published again: a group that forgot it would count it twice.
     * @returns how many outbox rows
     */
    async trim({ keepDays, limit }: { readonly keepDays: number; readonly limit: number }): Promise<number> {
      const isTaken = `(topic NOT IN (?) OR EXISTS (SELECT 1 FROM inbox WHERE consumer = ? AND inbox.event_id = outbox.event_id))`;
      const removed = await remove(
        `DELETE FROM outbox WHERE published_at < UTC_TIMESTAMP(3) - INTERVAL ? DAY
         ${CONSUMER_GROUPS.map(() => `AND ${isTaken}`).join(' ')} ORDER BY published_at LIMIT ?`,
        [keepDays, ...CONSUMER_GROUPS.flatMap((group) => [topicsOf(group), group]), limit],
      );
      // Only as many as keep the pace: each event has one inbox row per group.
      await remove(
        `DELETE FROM inbox WHERE at < UTC_TIMESTAMP(3) - INTERVAL ? DAY
           AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.event_id = inbox.event_id) ORDER BY at LIMIT ?`,
        [keepDays * 2, limit * CONSUMER_GROUPS.length],
      );
      return removed;
    },
  };
}

export type OutboxRepository = ReturnType<typeof createOutboxRepository>;
