/** What gateways read of sessions: which were revoked, and which members' older tokens are void. */
import type { DataSource } from 'typeorm';
import { sqlOf } from '../transaction';

export interface Revocations {
  /** session ids revoked at or after the given time */
  readonly sessions: readonly string[];
  /** members whose tokens issued before `validAfter` are void */
  readonly members: readonly { readonly memberId: string; readonly validAfter: Date }[];
  /** MariaDB's clock at the reading: where the next reading begins */
  readonly at: Date;
}

export function createRevocationsRepository(source: DataSource) {
  const sql = sqlOf(source);
  return {
    async since(from: Date): Promise<Revocations> {
      // The clock first: what commits between the two statements is read again next time.
      const [clock] = await sql.rows<{ at: Date }>('SELECT UTC_TIMESTAMP(3) AS at');
      const [sessions, members] = await Promise.all([
        sql.rows<{ id: string }>('SELECT id FROM sessions WHERE revoked_at >= ?', [from]),
        sql.rows<{ memberId: string; validAfter: Date }>(
          'SELECT id AS memberId, tokens_valid_after AS validAfter FROM members WHERE tokens_valid_after >= ?',
          [from],
        ),
      ]);
      return { sessions: sessions.map((row) => row.id), members, at: clock?.at ?? from };
    },

    /** Whether a token of this session, issued at `issuedAtS` (seconds), is void now. */
    async isRevoked(sessionId: string, issuedAtS: number): Promise<boolean> {
      const [row] = await sql.rows<{ isVoid: number }>(
        `SELECT s.revoked_at IS NOT NULL
           OR (m.tokens_valid_after IS NOT NULL AND m.tokens_valid_after > ?) AS isVoid
         FROM sessions s JOIN members m ON m.id = s.member_id WHERE s.id = ?`,
        [new Date((issuedAtS + 1) * 1000), sessionId],
      );
      return row ? Boolean(row.isVoid) : true;
    },
  };
}

export type RevocationsRepository = ReturnType<typeof createRevocationsRepository>;
