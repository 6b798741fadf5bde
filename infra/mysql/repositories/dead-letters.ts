/** What could not be taken, kept for a person: a row per message, until it is replayed. */
import type { DataSource } from 'typeorm';
import { parseJson, sqlOf } from '../transaction';

export interface DeadLetter {
  readonly id: number;
  /** who could not take it, such as a consumer group */
  readonly source: string;
  /** names the message: kept once under it, until it is replayed */
  readonly reference: string;
  readonly reason: string;
  /** the message as it was; any text */
  readonly payload: string;
}

const REFERENCE_MAX = 80;
const REASON_MAX = 500;

export function createDeadLetters(source: DataSource) {
  const sql = sqlOf(source);
  return {
    /** Idempotent: a worker that died before it moved on keeps the same message again. */
    async keep({ source: from, reference, reason, payload }: Omit<DeadLetter, 'id'>): Promise<void> {
      const name = reference.slice(-REFERENCE_MAX);
      await sql.change(
        `INSERT INTO dead_letters (source, reference, reason, payload, created_at)
         SELECT ?, ?, ?, ?, UTC_TIMESTAMP(3) FROM (SELECT 1) AS one
         WHERE NOT EXISTS (SELECT 1 FROM dead_letters WHERE source = ? AND reference = ? AND replayed_at IS NULL)`,
        [from, name, reason.slice(0, REASON_MAX), JSON.stringify({ value: payload }), from, name],
      );
    },

    /** Not replayed yet, oldest first, after the given one. */
    async open(from: string, page: { readonly after: number; readonly limit: number }): Promise<readonly DeadLetter[]> {
      const rows = await sql.rows<DeadLetter>(
        `SELECT id, source, reference, reason, payload FROM dead_letters
         WHERE source = ? AND replayed_at IS NULL AND id > ? ORDER BY id LIMIT ?`,
        [from, page.after, page.limit],
      );
      return rows.map((row) => ({ ...row, payload: parseJson<{ value: string }>(row.payload).value }));
    },

    async markReplayed(id: number): Promise<void> {
      await sql.change('UPDATE dead_letters SET replayed_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);
    },
  };
}
export type DeadLetters = ReturnType<typeof createDeadLetters>;
