/** Rows that nobody asks for any more. Each rule says who could still have asked until then. */
import type { DataSource } from 'typeorm';
import { inTransaction } from '../transaction';

/** A row goes this many days after the time in its column. Each column leads an index: the oldest are found first. */
const RULES = [
  // A hint is read until the provider was asked, or it was laid aside: by then `asked_at` is set, and nothing reads it again.
  // A day to look at it, no longer: anybody may send one.
  { table: 'webhook_events', since: 'asked_at', days: 1 },
  // Promised for 24 h. A week, because a restock has nothing but this row to know its repeat by (refund, confirm and cancel
  // happen once per order whatever the key), and because the age counts from the binding: an answer may come days later.
  { table: 'idempotency_keys', since: 'created_at', days: 7 },
  // A token past its own end is answered as one that never was, used or not: only before that does a reuse end its session.
  // Not "when its session has ended": a session that is refreshed for ever would keep every token it ever had.
  { table: 'refresh_tokens', since: 'expires_at', days: 7 },
  // Gateways ask for a session, revoked or not, while an access token of it may be valid: issued before the session's end,
  // for a day at most (ACCESS_TOKEN_S). Its living refresh token ends with it.
  { table: 'sessions', since: 'expires_at', days: 7 },
] as const;

export function createLeftovers(source: DataSource) {
  /** As READ COMMITTED, like the outbox's trim: no gaps are locked, others go on inserting. */
  const remove = ({ table, since, days }: (typeof RULES)[number], limit: number): Promise<number> =>
    inTransaction(source, (tx) =>
      tx.change(`DELETE FROM ${table} WHERE ${since} < UTC_TIMESTAMP(3) - INTERVAL ? DAY ORDER BY ${since} LIMIT ?`, [
        days,
        limit,
      ]),
    );
  return {
    /**
     * Removes at most `limit` rows of each table, the oldest first.
     * @returns how many of the table that lost most: `limit` when there may be more
     */
    async trim({ limit }: { readonly limit: number }): Promise<number> {
      let most = 0;
      for (const rule of RULES) most = Math.max(most, await remove(rule, limit));
      return most;
    },
  };
}

export type Leftovers = ReturnType<typeof createLeftovers>;
