/**
 * Members and their sessions. A session is a family of refresh tokens, each good once; a token used twice
 * means somebody has a copy, and ends the whole family.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { Problem } from '../../domain/errors';
import { createId } from '../../domain/ids';
import type { Member, Notification, Tokens } from '../../domain/operations/members';
import type { AccessTokenSigner } from '../../infra/http/access-token';
import type { RevocationSender } from '../../infra/http/revocation-news';
import type { MemberRow, MembersRepository, NotificationRow } from '../../infra/mysql/repositories/members';
import { type Passwords, weaknessOf } from './passwords';

export type MemberView = z.input<typeof Member>;
export type TokensView = z.input<typeof Tokens>;
export type NotificationView = z.input<typeof Notification>;

export interface MembersDeps {
  readonly members: MembersRepository;
  readonly passwords: Passwords;
  readonly tokens: AccessTokenSigner;
  /** seconds */
  readonly refreshLifeS: number;
  readonly tellRevoked: RevocationSender;
}
interface Credentials {
  readonly username: string;
  readonly password: string;
}
type SessionOwner = Pick<MemberRow, 'memberId' | 'role'> & { readonly sessionId: string };

/** 256 bits: guessing is hopeless, so a fast hash is enough to store it. */
const createRefreshToken = (): string => randomBytes(32).toString('base64url');
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

const memberView = (row: MemberRow): MemberView => ({
  memberId: row.memberId,
  username: row.username,
  role: row.role,
  createdAt: row.createdAt.toISOString(),
});
const notificationView = (row: NotificationRow): NotificationView => ({
  notificationId: row.notificationId,
  kind: row.kind,
  orderId: row.orderId,
  text: row.text,
  createdAt: row.createdAt.toISOString(),
});

export function createMembersService(deps: MembersDeps) {
  const { members, passwords, tokens, refreshLifeS } = deps;
  const refreshUntil = (): Date => new Date(Date.now() + refreshLifeS * 1000);

  const issue = async (owner: SessionOwner, refreshToken: string): Promise<TokensView> => ({
    accessToken: await tokens.sign(owner),
    tokenType: 'Bearer',
    expiresIn: tokens.lifeS,
    refreshToken,
    refreshExpiresIn: refreshLifeS,
  });

  return {
    async signUp({ username, password }: Credentials): Promise<MemberView> {
      const weakness = weaknessOf(password, username);
      if (weakness) {
        const errors = [{ pointer: '#/password', code: 'weak_password', detail: weakness }];
        throw new Problem('weak_password', { errors });
      }
      // Asked before hashing only to spare the hash; the unique index decides.
      if (await members.findByUsername(username)) throw new Problem('username_taken');
      const row: MemberRow = {
        memberId: createId('mem'),
        username,
        passwordHash: await passwords.hash(password),
        role: 'MEMBER',
        createdAt: new Date(),
      };
      if (!(await members.insert(row))) throw new Problem('username_taken');
      return memberView(row);
    },

    async logIn({ username, password }: Credentials): Promise<TokensView> {
      const member = await members.findByUsername(username);
      const isRight = await passwords.matches(password, member?.passwordHash);
      if (!member || !isRight) throw new Problem('invalid_credentials');
      const refreshToken = createRefreshToken();
      const sessionId = createId('ses');
      const { memberId, role, passwordHash } = member;
      const session = { sessionId, memberId, passwordHash, tokenHash: hashOf(refreshToken), expiresAt: refreshUntil() };
      if (!(await members.openSession(session))) throw new Problem('invalid_credentials');
      return issue({ sessionId, memberId, role }, refreshToken);
    },

    /** @returns the tokens, or the session that a reuse has ended */
    async refresh(refreshToken: string): Promise<TokensView | { readonly reusedIn: string }> {
      const next = createRefreshToken();
      const rotated = await members.rotate({
        usedHash: hashOf(refreshToken),
        nextHash: hashOf(next),
        expiresAt: refreshUntil(),
      });
      if (rotated.kind === 'unknown') throw new Problem('invalid_credentials');
      if (rotated.kind === 'rotated') return issue(rotated, next);
      await deps.tellRevoked(rotated.sessionId);
      return { reusedIn: rotated.sessionId };
    },

    async logOut(sessionId: string): Promise<void> {
      await members.revokeSession(sessionId);
      await deps.tellRevoked(sessionId);
    },

    async me(memberId: string): Promise<MemberView> {
      const member = await members.find(memberId);
      if (!member) throw new Problem('not_found');
      return memberView(member);
    },

    async notifications(memberId: string, limit: number, before?: string): Promise<NotificationView[]> {
      return (await members.notifications(memberId, limit, before)).map(notificationView);
    },
  };
}

export type MembersService = ReturnType<typeof createMembersService>;
