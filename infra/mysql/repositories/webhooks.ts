/** Webhooks of the provider: stored before they are answered, marked once the provider was asked about them. */
import type { DataSource } from 'typeorm';
import { createId } from '../../../domain/ids';
import { parseJson, sqlOf } from '../transaction';

export interface StoredHint {
  readonly webhookId: string;
  readonly payload: unknown;
  readonly receivedAt: Date;
}

export function createWebhooksRepository(source: DataSource) {
  const sql = sqlOf(source);
  return {
    async store(payload: unknown): Promise<void> {
      await sql.change('INSERT INTO webhook_events (id, payload, received_at) VALUES (?, ?, UTC_TIMESTAMP(3))', [
        createId('whk'),
        JSON.stringify(payload),
      ]);
    },

    /** Hints nobody has settled yet, oldest first, after the given one. */
    async unasked(page: { readonly after: string; readonly limit: number }): Promise<readonly StoredHint[]> {
      const rows = await sql.rows<StoredHint>(
        `SELECT id AS webhookId, payload, received_at AS receivedAt FROM webhook_events
         WHERE asked_at IS NULL AND id > ? ORDER BY id LIMIT ?`,
        [page.after, page.limit],
      );
      return rows.map((row) => ({ ...row, payload: parseJson(row.payload) }));
    },

    async markAsked(webhookId: string): Promise<void> {
      await sql.change('UPDATE webhook_events SET asked_at = UTC_TIMESTAMP(3) WHERE id = ? AND asked_at IS NULL', [
        webhookId,
      ]);
    },
  };
}

export type WebhooksRepository = ReturnType<typeof createWebhooksRepository>;
