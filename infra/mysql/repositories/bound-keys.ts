/**
 * Idempotency keys of what somebody else carries out (confirm and cancel: the order's saga). The effect itself is made
 * once by its natural key (order id and payment key; the order's Update); this row binds the client's key to one
 * request, and keeps the final answer for repeats.
 * A key is bound before the effect, so that two requests under one key cannot both be accepted; a refusal frees it.
 * Bound and not final is no marker of work in progress: a repeat of the same request is simply worked on again.
 */
import type { DataSource } from 'typeorm';
import { confirmPayment } from '../../../domain/operations/payments';
import { gather } from '../gather';
import { ERRNO, errnoOf, insertRows, inTransaction, parseJson, type SqlValue, sqlOf } from '../transaction';

export interface BoundKey {
  readonly memberId: string;
  readonly key: string;
  /** `requestHash` of path parameters and body */
  readonly bodyHash: string;
}
export type Binding =
  /** go on: new, or bound to this very request without a final answer yet */
  | { readonly kind: 'bound' }
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'reused' };

/** "not known yet": the only answer that a later one may replace */
const OPEN = 202;

interface KeptAnswer {
  readonly status: number;
  readonly body: unknown;
}
const MEETINGS: readonly (number | undefined)[] = [ERRNO.duplicate, ERRNO.deadlock, ERRNO.lockWait];

const UNDECIDED: KeptAnswer = { status: OPEN, body: {} };

interface Final {
  readonly key: BoundKey;
  readonly answer: KeptAnswer;
}

/** @param scope method and route template, such as `POST /v1/checkouts/{orderId}/cancel` */
export function createBoundKeys(source: DataSource, scope: string) {
  const sql = sqlOf(source);
  const rowOf = ({ memberId, key, bodyHash }: BoundKey, { status, body }: KeptAnswer): readonly SqlValue[] => [
    ...[memberId, scope, key, bodyHash, status, JSON.stringify(body)],
  ];

  const columns = 'idempotency_keys (member_id, scope, idempotency_key, body_hash, status, body, created_at)';
  const row = '(?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))';

  async function insertOne(key: BoundKey): Promise<boolean> {
    try {
      await insertRows(sql, columns, { row, rows: [rowOf(key, UNDECIDED)] });
      return true;
    } catch (error) {
      if (errnoOf(error) === ERRNO.duplicate) return false;
      throw error;
    }
  }

  /** False: the key is there already. Keys of one moment share a commit, unless one of them is. */
  const insert = gather<BoundKey, boolean>(async (keys) => {
    try {
      await insertRows(sql, columns, { row, rows: keys.map((key) => rowOf(key, UNDECIDED)) });
      return keys.map(() => true);
    } catch (error) {
      // One of them is there, or two processes have met with the same keys in another order: each by itself.
      if (!MEETINGS.includes(errnoOf(error))) throw error;
      return keys.map(insertOne);
    }
  });

  /**
   * The first final answer stays. A key that was freed and bound to another request meanwhile is that request's: a late
   * end of the first must not become its answer.
   */
  const keep = gather<Final, void>(async (finals) => {
    const rows = finals.map(({ key, answer }) => rowOf(key, answer));
    const isOurs = `status = ${OPEN} AND body_hash = VALUES(body_hash)`;
    await inTransaction(source, (tx) =>
      tx.change(
        `INSERT INTO ${columns} VALUES ${rows.map(() => row).join(', ')}
         ON DUPLICATE KEY UPDATE body = IF(${isOurs}, VALUES(body), body), status = IF(${isOurs}, VALUES(status), status)`,
        rows.flat(),
      ),
    );
    return finals.map(() => undefined);
  });

  async function bind(key: BoundKey): Promise<Binding> {
    if (await insert(key)) return { kind: 'bound' };
    const [row] = await sql.rows<{ bodyHash: string; status: number; body: unknown }>(
      `SELECT body_hash AS bodyHash, status, body FROM idempotency_keys
       WHERE member_id = ? AND scope = ? AND idempotency_key = ?`,
      [key.memberId, scope, key.key],
    );
    // Freed by a refusal between the two statements: as good as new.
    if (!row) return bind(key);
    if (row.bodyHash !== key.bodyHash) return { kind: 'reused' };
    if (row.status === OPEN) return { kind: 'bound' };
    return { kind: 'answered', status: row.status, body: parseJson(row.body) };
  }

  return {
    bind,

    /** Keeps the final answer (2xx or 402); the first one stays. */
    finish: (key: BoundKey, answer: KeptAnswer): Promise<void> => keep({ key, answer }),

    /** The request was refused: the key may carry another one. */
    async free({ memberId, key, bodyHash }: BoundKey): Promise<void> {
      await sql.change(
        `DELETE FROM idempotency_keys
         WHERE member_id = ? AND scope = ? AND idempotency_key = ? AND body_hash = ? AND status = ?`,
        [memberId, scope, key, bodyHash, OPEN],
      );
    },
  };
}

export type BoundKeys = ReturnType<typeof createBoundKeys>;

export const createConfirmKeys = (source: DataSource): BoundKeys =>
  createBoundKeys(source, `POST ${confirmPayment.path}`);
export type ConfirmKey = BoundKey;
export type ConfirmKeys = BoundKeys;
