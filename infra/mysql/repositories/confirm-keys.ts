/**
 * Idempotency keys of confirms. The effect itself is made once by its natural key (order id and payment key);
 * this row binds the client's key to one body, and keeps the final answer for repeats.
 * A key is bound before the effect, so that two bodies under one key cannot both be accepted; a refusal frees it.
 * Bound and not final is no marker of work in progress: a repeat with the same body is simply worked on again.
 */
import type { DataSource } from 'typeorm';
import { ERRNO, errnoOf, parseJson, sqlOf } from '../transaction';

export interface ConfirmKey {
  readonly memberId: string;
  readonly key: string;
  /** sha-256 hex of the canonical body */
  readonly bodyHash: string;
}
export type BoundConfirm =
  /** go on: new, or bound to this very body without a final answer yet */
  | { readonly kind: 'bound' }
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'reused' };

const SCOPE = 'POST /v1/payments/confirm';
/** "not known yet": the only answer that a later one may replace */
const OPEN = 202;

export function createConfirmKeys(source: DataSource) {
  const sql = sqlOf(source);

  async function insert({ memberId, key, bodyHash }: ConfirmKey): Promise<boolean> {
    try {
      await sql.change(
        `INSERT INTO idempotency_keys (member_id, scope, idempotency_key, body_hash, status, body, created_at)
         VALUES (?, ?, ?, ?, ?, '{}', UTC_TIMESTAMP(3))`,
        [memberId, SCOPE, key, bodyHash, OPEN],
      );
      return true;
    } catch (error) {
      if (errnoOf(error) === ERRNO.duplicate) return false;
      throw error;
    }
  }

  async function bind(key: ConfirmKey): Promise<BoundConfirm> {
    if (await insert(key)) return { kind: 'bound' };
    const [row] = await sql.rows<{ bodyHash: string; status: number; body: unknown }>(
      `SELECT body_hash AS bodyHash, status, body FROM idempotency_keys
       WHERE member_id = ? AND scope = ? AND idempotency_key = ?`,
      [key.memberId, SCOPE, key.key],
    );
    // Freed by a refusal between the two statements: as good as new.
    if (!row) return bind(key);
    if (row.bodyHash !== key.bodyHash) return { kind: 'reused' };
    if (row.status === OPEN) return { kind: 'bound' };
    return { kind: 'answered', status: row.status, body: parseJson(row.body) };
  }

  return {
    bind,

    /** Keeps the final answer (200 or 402); the first one stays. */
    async finish(key: ConfirmKey, answer: { readonly status: number; readonly body: unknown }): Promise<void> {
      await sql.change(
        `INSERT INTO idempotency_keys (member_id, scope, idempotency_key, body_hash, status, body, created_at)
         VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))
         ON DUPLICATE KEY UPDATE body = IF(status = ${OPEN}, VALUES(body), body),
           status = IF(status = ${OPEN}, VALUES(status), status)`,
        [key.memberId, SCOPE, key.key, key.bodyHash, answer.status, JSON.stringify(answer.body)],
      );
    },

    /** The request was refused: the key may carry another one. */
    async free({ memberId, key, bodyHash }: ConfirmKey): Promise<void> {
      await sql.change(
        `DELETE FROM idempotency_keys
         WHERE member_id = ? AND scope = ? AND idempotency_key = ? AND body_hash = ? AND status = ?`,
        [memberId, SCOPE, key, bodyHash, OPEN],
      );
    },
  };
}

export type ConfirmKeys = ReturnType<typeof createConfirmKeys>;
