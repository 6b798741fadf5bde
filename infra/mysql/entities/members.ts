import { EntitySchema } from 'typeorm';
import { hash, id, index, nullable, primary, text, time, uniqueIndex } from './columns';

/** One buyer or admin: written at sign-up, never deleted. */
export const members = new EntitySchema({
  name: 'members',
  columns: {
    id: id(primary),
    username: text(64)(),
    password_hash: text(255)(),
    role: text(8)({ default: 'MEMBER' }),
    tokens_valid_after: time(nullable),
    created_at: time(),
  },
  indices: [
    uniqueIndex('uq_members_username', ['username']),
    index('ix_members_tokens_valid_after', ['tokens_valid_after']),
  ],
});

/**
 * One log-in: a family of tokens, until it is revoked or expires; each refresh moves its end. Trimmed a week after that end,
 * when no access token of it can be valid any more.
 */
export const sessions = new EntitySchema({
  name: 'sessions',
  columns: {
    id: id(primary),
    member_id: id(),
    created_at: time(),
    expires_at: time(),
    revoked_at: time(nullable),
  },
  indices: [
    index('ix_sessions_member', ['member_id']),
    index('ix_sessions_revoked', ['revoked_at']),
    index('ix_sessions_end', ['expires_at']),
  ],
});

/**
 * One refresh token, known by its hash only; used once, and a second use before its end revokes its session. Trimmed a week
 * after that end, be its session alive or not: it was worth nothing since.
 */
export const refreshTokens = new EntitySchema({
  name: 'refresh_tokens',
  columns: {
    token_hash: hash(primary),
    session_id: id(),
    created_at: time(),
    expires_at: time(),
    used_at: time(nullable),
  },
  indices: [index('ix_refresh_tokens_session', ['session_id']), index('ix_refresh_tokens_end', ['expires_at'])],
});
