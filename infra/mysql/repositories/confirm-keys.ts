/**
 * Idempotency keys of confirms. The effect itself is made once by its natural key (order id and payment key);
 * this row binds the client's key to one body, and keeps the final answer for repeats.
 * A key is bound before the effect, so that two bodies under one key cannot both be accepted; a refusal frees it.
 * Bound and not final is no marker of work in progress: a repeat with the same body is simply worked on again.
 */
import type { DataSource } from 'typeorm';
import { gather } from '../gather';
import { ERRNO, errnoOf, insertRows, inTransaction, parseJson, type SqlValue, sqlOf } from '../transaction';

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

interface KeptAnswer {
  readonly status: number;
  readonly body: unknown;
}
const UNDECIDED: KeptAnswer = { status: OPEN, body: {} };

interface Final {
  readonly key: ConfirmKey;
  readonly answer: KeptAnswer;
}

const rowOf = ({ memberId, key, bodyHash }: ConfirmKey, { status, body }: KeptAnswer): readonly SqlValue[] => [
  ...[memberId, SCOPE, key, bodyHash, status, JSON.stringify(body)],
];

export function createConfirmKeys(source: DataSource) {
  const sql = sqlOf(source);

  const columns = 'idempotency_keys (member_id, scope, idempotency_key, body_hash, status, body, created_at)';
  const row = '(?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))';

  async function insertOne(key: ConfirmKey): Promise<boolean> {
    try {
      await insertRows(sql, columns, { row, rows: [rowOf(key, UNDECIDED)] });
      return true;
    } catch (error) {
      if (errnoOf(error) === ERRNO.duplicate) return false;
      throw error;
    }
  }

  /** False: the key is there already. Keys of one moment share a commit, unless one of them is. */
  const insert = gather<ConfirmKey, boolean>(async (keys) => {
    try {
      await insertRows(sql, columns, { row, rows: keys.map((key) => rowOf(key, UNDECIDED)) });
      return keys.map(() => true);
    } catch (error) {
      if (errnoOf(error) !== ERRNO.duplicate) throw error;
      return keys.map(insertOne);
    }
  });

  /** The first final answer stays. */
  const keep = gather<Final, void>(async (finals) => {
    const rows = finals.map(({ key, answer }) => rowOf(key, answer));
    await inTransaction(source, (tx) =>
      tx.change(
        `INSERT INTO ${columns} VALUES ${rows.map(() => row).join(', ')}
         ON DUPLICATE KEY UPDATE body = IF(status = ${OPEN}, VALUES(body), body),
           status = IF(status = ${OPEN}, VALUES(status), status)`,
        rows.flat(),
      ),
    );
    return finals.map(() => undefined);
  });

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
    finish: (key: ConfirmKey, answer: KeptAnswer): Promise<void> => keep({ key, answer }),

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
