/**
 * The internal principal: who the gateway saw, signed for one request to one service.
 * HS256, at most 30 s, audience = service, bound to method, path and request id: copied to another request it is void.
 */
import { type CryptoKey, jwtVerify, SignJWT } from 'jose';
import { Problem } from '../../domain/errors';
import type { OperationOwner } from '../../domain/operations/operation';

export interface Principal {
  readonly memberId: string;
  readonly role: 'MEMBER' | 'ADMIN';
  readonly sessionId: string;
}

/** The one request a principal is good for. */
export interface PrincipalScope {
  readonly service: OperationOwner;
  readonly method: string;
  /** path without query */
  readonly path: string;
  readonly requestId: string;
}

const ISSUER = 'firstcome-gateway';
const LIFE_S = 30;
const TYPE = 'principal+jwt';

export interface PrincipalSigner {
  sign(principal: Principal, scope: PrincipalScope): Promise<string>;
}
export interface PrincipalVerifier {
  /** @throws Problem unauthorized for anything but a principal of ours for exactly this request */
  verify(token: string, scope: PrincipalScope): Promise<Principal>;
}

/** @param secret base64url, at least 32 bytes */
const keyOf = (secret: string): Promise<CryptoKey> => {
  const bytes = Buffer.from(secret, 'base64url');
  if (bytes.length < 32) throw new Error('PRINCIPAL_SECRET must be base64url of at least 32 bytes');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
};

export function createPrincipals(secret: string): PrincipalSigner & PrincipalVerifier {
  const key = keyOf(secret);
  // The failure is thrown where the key is used; this only keeps the process from ending before that.
  key.catch(() => undefined);
  return {
    async sign(principal, scope) {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({
        role: principal.role,
        sid: principal.sessionId,
        htm: scope.method,
        htu: scope.path,
        rid: scope.requestId,
      })
        .setProtectedHeader({ alg: 'HS256', typ: TYPE })
        .setSubject(principal.memberId)
        .setIssuer(ISSUER)
        .setAudience(scope.service)
        .setIssuedAt(now)
        .setExpirationTime(now + LIFE_S)
        .sign(await key);
    },
    async verify(token, scope) {
      const { payload } = await jwtVerify(token, await key, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: scope.service,
        typ: TYPE,
        requiredClaims: ['exp', 'iat', 'sub', 'sid', 'role', 'htm', 'htu', 'rid'],
        maxTokenAge: LIFE_S,
        clockTolerance: 2,
      }).catch((cause: unknown) => {
        throw new Problem('unauthorized', {}, { cause });
      });
      const { sub, sid, role, htm, htu, rid } = payload;
      const isForThis = htm === scope.method && htu === scope.path && rid === scope.requestId;
      const isWhole = typeof sub === 'string' && typeof sid === 'string' && (role === 'MEMBER' || role === 'ADMIN');
      if (!isForThis || !isWhole) throw new Problem('unauthorized');
      return { memberId: sub, sessionId: sid, role };
    },
  };
}
