/** Webhooks of the provider: stored before they are answered, marked once the provider was asked about them. */
import type { DataSource } from 'typeorm';
import { createId } from '../../../domain/ids';
import { gather } from '../gather';
import { insertRows, parseJson, sqlOf } from '../transaction';

export interface StoredHint {
  readonly webhookId: string;
  readonly payload: unknown;
  readonly receivedAt: Date;
}

export function createWebhooksRepository(source: DataSource) {
  const sql = sqlOf(source);
  return {
    /** Resolves once it is committed; those of one moment share the commit. */
    store: gather<unknown, void>(async (payloads) => {
      await insertRows(sql, 'webhook_events (id, payload, received_at)', {
        row: '(?, ?, UTC_TIMESTAMP(3))',
        rows: payloads.map((payload) => [createId('whk'), JSON.stringify(payload)]),
      });
      return payloads.map(() => undefined);
    }),

    /** Hints nobody has settled yet, oldest first, after the given one. */
    async unasked(page: { readonly after: string; readonly limit: number }): Promise<readonly StoredHint[]> {
      const rows = await sql.rows<StoredHint>(
        `SELECT id AS webhookId, payload, received_at AS receivedAt FROM webhook_events
         WHERE asked_at IS NULL AND id > ? ORDER BY id LIMIT ?`,
        [page.after, page.limit],
      );
      return rows.map((row) => ({ ...row, payload: parseJson(row.payload) }));
    },

    markAsked: gather<string, void>(async (webhookIds) => {
      await sql.change('UPDATE webhook_events SET asked_at = UTC_TIMESTAMP(3) WHERE id IN (?) AND asked_at IS NULL', [
        webhookIds,
      ]);
      return webhookIds.map(() => undefined);
    }),
  };
}

export type WebhooksRepository = ReturnType<typeof createWebhooksRepository>;
