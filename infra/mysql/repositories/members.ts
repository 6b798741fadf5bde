/** Members, their sessions and refresh tokens, and the notifications written for them. */
import type { DataSource } from 'typeorm';
import { createId } from '../../../domain/ids';
import { ERRNO, errnoOf, inTransaction, type Sql, sqlOf } from '../transaction';
import { hashPassword } from './password-hash';

export interface MemberRow {
  readonly memberId: string;
  readonly username: string;
  readonly passwordHash: string;
  readonly role: 'MEMBER' | 'ADMIN';
  readonly createdAt: Date;
}
export interface NewSession {
  readonly sessionId: string;
  readonly memberId: string;
  /** what the password was verified against */
  readonly passwordHash: string;
  /** sha-256 of the refresh token, hex: the token itself is never stored */
  readonly tokenHash: string;
  readonly expiresAt: Date;
}
export interface Rotation {
  readonly usedHash: string;
  readonly nextHash: string;
  readonly expiresAt: Date;
}
export type Rotated =
  | {
      readonly kind: 'rotated';
      readonly sessionId: string;
      readonly memberId: string;
      readonly role: MemberRow['role'];
    }
  /** the token was used before: whoever has it may be a thief, so its session is revoked */
  | { readonly kind: 'reused'; readonly sessionId: string }
  | { readonly kind: 'unknown' };
export interface NotificationRow {
  readonly notificationId: string;
  readonly kind: string;
  readonly orderId: string;
  readonly text: string;
  readonly createdAt: Date;
}

const MEMBER =
  'SELECT id AS memberId, username, password_hash AS passwordHash, role, created_at AS createdAt FROM members';

interface TokenRow {
  readonly sessionId: string;
  readonly memberId: string;
  readonly role: MemberRow['role'];
  readonly isUsed: number;
  readonly isLive: number;
}

/** Locks the token and its session, so that of two refreshes with one token the second sees the first. */
async function lockToken(tx: Sql, tokenHash: string): Promise<TokenRow | undefined> {
  const [row] = await tx.rows<TokenRow>(
    `SELECT s.id AS sessionId, s.member_id AS memberId, m.role, t.used_at IS NOT NULL AS isUsed,
       s.revoked_at IS NULL AND t.expires_at > UTC_TIMESTAMP(3)
         AND (m.tokens_valid_after IS NULL OR s.created_at >= m.tokens_valid_after) AS isLive
     FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN members m ON m.id = s.member_id
     WHERE t.token_hash = ? FOR UPDATE`,
    [tokenHash],
  );
  return row;
}

const insertToken = (tx: Sql, token: { readonly hash: string; readonly sessionId: string; readonly expiresAt: Date }) =>
  tx.change(
    'INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at) VALUES (?, ?, UTC_TIMESTAMP(3), ?)',
    [token.hash, token.sessionId, token.expiresAt],
  );

const revoke = (sql: Sql, sessionId: string) =>
  sql.change('UPDATE sessions SET revoked_at = UTC_TIMESTAMP(3) WHERE id = ? AND revoked_at IS NULL', [sessionId]);

export function createMembersRepository(source: DataSource) {
  const sql = sqlOf(source);
  const first = async (where: string, value: string): Promise<MemberRow | undefined> =>
    (await sql.rows<MemberRow>(`${MEMBER} WHERE ${where} = ?`, [value]))[0];

  return {
    findByUsername: (username: string) => first('username', username),
    find: (memberId: string) => first('id', memberId),

    /** @returns false when the username is taken (letter case does not make another name) */
    async insert(member: MemberRow): Promise<boolean> {
      try {
        await sql.change('INSERT INTO members (id, username, password_hash, role, created_at) VALUES (?, ?, ?, ?, ?)', [
          member.memberId,
          member.username,
          member.passwordHash,
          member.role,
          member.createdAt,
        ]);
        return true;
      } catch (error) {
        if (errnoOf(error) === ERRNO.duplicate) return false;
        throw error;
      }
    },

    /** @returns false when the member has got another password since; whoever changes it ends the sessions before it */
    openSession: (session: NewSession): Promise<boolean> =>
      inTransaction(source, async (tx) => {
        const [member] = await tx.rows('SELECT 1 FROM members WHERE id = ? AND password_hash = ? LOCK IN SHARE MODE', [
          session.memberId,
          session.passwordHash,
        ]);
        if (!member) return false;
        await tx.change(
          'INSERT INTO sessions (id, member_id, created_at, expires_at) VALUES (?, ?, UTC_TIMESTAMP(3), ?)',
          [session.sessionId, session.memberId, session.expiresAt],
        );
        await insertToken(tx, { hash: session.tokenHash, sessionId: session.sessionId, expiresAt: session.expiresAt });
        return true;
      }),

    /** Exchanges a refresh token for the next one of its family. A reuse revokes the family, in the same commit. */
    rotate: ({ usedHash, nextHash, expiresAt }: Rotation): Promise<Rotated> =>
      inTransaction(source, async (tx): Promise<Rotated> => {
        const token = await lockToken(tx, usedHash);
        if (!token?.isLive) return { kind: 'unknown' };
        const { sessionId, memberId, role } = token;
        if (token.isUsed) {
          await revoke(tx, sessionId);
          return { kind: 'reused', sessionId };
        }
        await tx.change('UPDATE refresh_tokens SET used_at = UTC_TIMESTAMP(3) WHERE token_hash = ?', [usedHash]);
        await insertToken(tx, { hash: nextHash, sessionId, expiresAt });
        await tx.change('UPDATE sessions SET expires_at = ? WHERE id = ?', [expiresAt, sessionId]);
        return { kind: 'rotated', sessionId, memberId, role };
      }),

    revokeSession: (sessionId: string) => revoke(sql, sessionId),

    /** Newest first; `before` is the last id of the page before. */
    notifications: (memberId: string, limit: number, before?: string) =>
      sql.rows<NotificationRow>(
        `SELECT id AS notificationId, kind, order_id AS orderId, text, created_at AS createdAt FROM notifications
         WHERE member_id = ? ${before ? 'AND id < ?' : ''} ORDER BY id DESC LIMIT ?`,
        before ? [memberId, before, limit] : [memberId, limit],
      ),
  };
}

export type MembersRepository = ReturnType<typeof createMembersRepository>;

/**
 * Makes an admin, or gives the admin of this name another password, which ends its sessions: the API has no way to, only who
 * runs the shop. Never makes an admin of a member: whoever came first to the name would be given the shop.
 * @returns the member id
 * @throws when the name is a member's
 */
export async function createAdmin(
  source: DataSource,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<string> {
  const passwordHash = await hashPassword(password);
  const members = createMembersRepository(source);
  const memberId = createId('mem');
  if (await members.insert({ memberId, username, passwordHash, role: 'ADMIN', createdAt: new Date() })) return memberId;
  const existing = await members.findByUsername(username);
  if (!existing) throw new Error(`member ${username} disappeared while it was made an admin`);
  if (existing.role !== 'ADMIN') throw new Error(`${username} is a member's name: give the admin another`);
  await inTransaction(source, async (tx) => {
    await tx.change('UPDATE members SET password_hash = ? WHERE id = ?', [passwordHash, existing.memberId]);
    // Whoever had the old password may be inside.
    const end = 'UPDATE sessions SET revoked_at = UTC_TIMESTAMP(3) WHERE member_id = ? AND revoked_at IS NULL';
    await tx.change(end, [existing.memberId]);
  });
  return existing.memberId;
}
