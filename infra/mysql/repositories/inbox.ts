/** What a consumer has taken: one row per consumer and event, in the transaction of its effect. */
import type { DataSource } from 'typeorm';
import { ERRNO, errnoOf, inTransaction, parseJson, type Sql, sqlOf } from '../transaction';

class AlreadyTaken extends Error {}

/**
 * Runs `effect` and remembers the event in one transaction.
 * @returns false when the event was taken before (also by another process at the same moment): nothing happened
 */
export async function takeOnce(
  source: DataSource,
  { consumer, eventId }: { readonly consumer: string; readonly eventId: string },
  effect: (tx: Sql) => Promise<void>,
): Promise<boolean> {
  try {
    await inTransaction(source, async (tx) => {
      await tx
        .change('INSERT INTO inbox (consumer, event_id, at) VALUES (?, ?, UTC_TIMESTAMP(3))', [consumer, eventId])
        .catch((error: unknown) => {
          throw errnoOf(error) === ERRNO.duplicate ? new AlreadyTaken() : error;
        });
      await effect(tx);
    });
    return true;
  } catch (error) {
    if (error instanceof AlreadyTaken) return false;
    throw error;
  }
}

export interface DeadLetter {
  readonly id: number;
  readonly source: string;
  /** where it was found, such as `<topic>/<partition>/<offset>` */
  readonly reference: string;
  readonly reason: string;
  /** the message as it was */
  readonly payload: string;
}

export function createDeadLetters(source: DataSource) {
  const sql = sqlOf(source);
  return {
    async keep({ source: from, reference, reason, payload }: Omit<DeadLetter, 'id'>): Promise<void> {
      await sql.change(
        `INSERT INTO dead_letters (source, reference, reason, payload, created_at)
         VALUES (?, ?, ?, ?, UTC_TIMESTAMP(3))`,
        [from, reference, reason.slice(0, 500), JSON.stringify({ value: payload })],
      );
    },
    /** Not replayed yet, oldest first. */
    async open(from: string, limit: number): Promise<readonly DeadLetter[]> {
      const rows = await sql.rows<DeadLetter>(
        `SELECT id, source, reference, reason, payload FROM dead_letters
         WHERE source = ? AND replayed_at IS NULL ORDER BY id LIMIT ?`,
        [from, limit],
      );
      return rows.map((row) => ({ ...row, payload: parseJson<{ value: string }>(row.payload).value }));
    },
    async markReplayed(id: number): Promise<void> {
      await sql.change('UPDATE dead_letters SET replayed_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);
    },
  };
}
export type DeadLetters = ReturnType<typeof createDeadLetters>;
