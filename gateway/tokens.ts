/** Who sends a request: access tokens verified once, then remembered until they expire or are revoked. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { Problem } from '../domain/errors';
import { TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_TYPE } from '../infra/http/access-token';
import type { Principal } from '../infra/http/principal';
import type { RevocationFeed, TokenFacts } from './revocations';

export interface TokenVerifier {
  /**
   * @param header  the Authorization header
   * @param isWrite a write needs a known "not revoked"; a read may pass when nobody can be asked
   * @throws Problem unauthorized, or unavailable for a write that nobody can vouch for
   */
  verify(header: string | undefined, isWrite: boolean): Promise<Principal>;
}

/** Longer than any token of ours; refused before any work. */
const TOKEN_MAX_CHARACTERS = 2_048;
/** A remembered token takes about 1 KB. */
const REMEMBERED_MAX = 50_000;

interface Verified extends TokenFacts {
  readonly principal: Principal;
  /** seconds */
  readonly expiresAtS: number;
}

const refuse = (detail: string, cause?: unknown): Problem => new Problem('unauthorized', { detail }, { cause });

const isRole = (role: unknown): role is Principal['role'] => role === 'MEMBER' || role === 'ADMIN';

/** @param keys the public keys, by `kid` */
export function createTokenVerifier(keys: JSONWebKeySet, feed: RevocationFeed): TokenVerifier {
  const keySet = createLocalJWKSet(keys);
  const remembered = new Map<string, Verified>();

  const check = async (token: string): Promise<Verified> => {
    const { payload } = await jwtVerify(token, keySet, {
      // Without `algorithms`, HS256 signed with the public key ends in a TypeError; without `requiredClaims`,
      // a token that never expires passes.
      algorithms: [TOKEN_ALGORITHM],
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
      typ: TOKEN_TYPE,
      requiredClaims: ['exp', 'iat', 'sub', 'jti', 'sid', 'role'],
    }).catch((cause: unknown) => {
      throw refuse('the access token is not valid', cause);
    });
    const { sub, sid, role, exp, iat } = payload;
    if (!sub || typeof sid !== 'string' || !isRole(role) || !exp || !iat) throw refuse('the access token is not whole');
    const principal = { memberId: sub, sessionId: sid, role };
    return { principal, memberId: sub, sessionId: sid, issuedAtS: iat, expiresAtS: exp };
  };

  const remember = (token: string, verified: Verified): void => {
    if (remembered.size >= REMEMBERED_MAX) {
      const oldest = remembered.keys().next().value;
      if (oldest !== undefined) remembered.delete(oldest);
    }
    remembered.set(token, verified);
  };

  const assertNotRevoked = async (verified: Verified, isWrite: boolean): Promise<void> => {
    const answer = feed.isFresh() ? feed.isRevoked(verified) : await feed.ask(verified);
    if (answer) throw refuse('the session has ended');
    if (answer === undefined && isWrite) throw new Problem('unavailable');
  };

  return {
    async verify(header, isWrite) {
      const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header ?? '')?.[1];
      if (!token || token.length > TOKEN_MAX_CHARACTERS) throw refuse('a Bearer access token is needed');
      let verified = feed.isFresh() ? remembered.get(token) : undefined;
      if (!verified) {
        verified = await check(token);
        remember(token, verified);
      }
      if (verified.expiresAtS * 1000 <= Date.now()) {
        remembered.delete(token);
        throw refuse('the access token has expired');
      }
      await assertNotRevoked(verified, isWrite);
      return verified.principal;
    },
  };
}
