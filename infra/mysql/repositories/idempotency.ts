/**
 * Stored answers of operations whose effect has no natural key: one row per (member, scope, key), written in the
 * transaction of the effect, so that there is never an effect without its answer or an answer without its effect.
 * Refusals are not stored: they free the key. Rows live at least 24 h: the trim takes them after a week.
 */
import type { DataSource } from 'typeorm';
import { Problem } from '../../../domain/errors';
import { ERRNO, errnoOf, inTransaction, parseJson, type Sql } from '../transaction';

export interface IdempotencyScope {
  readonly memberId: string;
  /** method and route template, such as `POST /v1/products/{productId}/restocks` */
  readonly scope: string;
  readonly key: string;
  /** `requestHash` of path parameters and body */
  readonly hash: string;
}

/** Unchanging facts only: what moves on belongs into a GET. */
export interface StoredAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface Row {
  readonly hash: string;
  readonly status: number;
  readonly body: unknown;
}

/**
 * The answer given before under this key, if any.
 * @throws Problem idempotency_key_reused when it was given to another request
 */
export async function findStored(sql: Sql, scope: IdempotencyScope): Promise<StoredAnswer | undefined> {
  const [row] = await sql.rows<Row>(
    `SELECT body_hash AS hash, status, body FROM idempotency_keys
     WHERE member_id = ? AND scope = ? AND idempotency_key = ?`,
    [scope.memberId, scope.scope, scope.key],
  );
  if (!row) return undefined;
  if (row.hash !== scope.hash) throw new Problem('idempotency_key_reused');
  return { status: row.status, body: parseJson(row.body) };
}

/** Throws errno 1062 when the same request has committed meanwhile: roll back and answer what it answered. */
export async function store(tx: Sql, scope: IdempotencyScope, answer: StoredAnswer): Promise<void> {
  await tx.change(
    `INSERT INTO idempotency_keys (member_id, scope, idempotency_key, body_hash, status, body, created_at)
     VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
    [scope.memberId, scope.scope, scope.key, scope.hash, answer.status, JSON.stringify(answer.body)],
  );
}

/**
 * Runs `effect` once per key: the first call commits effect and answer together, later ones get the stored answer.
 * Of two at once the loser rolls back and is answered as the winner.
 */
export async function onceByKey(
  source: DataSource,
  scope: IdempotencyScope,
  effect: (tx: Sql) => Promise<StoredAnswer>,
): Promise<StoredAnswer & { readonly isReplay: boolean }> {
  const attempt = () =>
    inTransaction(source, async (tx) => {
      const stored = await findStored(tx, scope);
      if (stored) return { ...stored, isReplay: true };
      const answer = await effect(tx);
      await store(tx, scope, answer);
      return { ...answer, isReplay: false };
    });
  return attempt().catch((error: unknown) => {
    // A second duplicate is the effect's own: the key's row is visible now and would have been found.
    if (errnoOf(error) === ERRNO.duplicate) return attempt();
    throw error;
  });
}
