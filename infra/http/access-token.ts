/** Access tokens: ES256 JWTs that the members service signs and gateways verify. */
import { randomUUID } from 'node:crypto';
import { importJWK, type JWK, SignJWT } from 'jose';
import type { Principal } from './principal';

export const TOKEN_ISSUER = 'firstcome';
export const TOKEN_AUDIENCE = 'firstcome-api';
export const TOKEN_TYPE = 'at+jwt';
export const TOKEN_ALGORITHM = 'ES256';

export interface AccessTokenSigner {
  /** life in seconds */
  readonly lifeS: number;
  sign(principal: Principal): Promise<string>;
}

/** @param privateJwk ES256 private key as JWK JSON, with its `kid` */
export function createAccessTokenSigner(privateJwk: string, lifeS: number): AccessTokenSigner {
  const jwk = JSON.parse(privateJwk) as JWK;
  if (!jwk.kid) throw new Error('TOKEN_PRIVATE_KEY needs a kid, the one of its public key');
  const header = { alg: TOKEN_ALGORITHM, typ: TOKEN_TYPE, kid: jwk.kid };
  const key = importJWK(jwk, TOKEN_ALGORITHM);
  // The failure is thrown where the key is used; this only keeps the process from ending before that.
  key.catch(() => undefined);
  return {
    lifeS,
    async sign({ memberId, sessionId, role }) {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ sid: sessionId, role })
        .setProtectedHeader(header)
        .setSubject(memberId)
        .setIssuer(TOKEN_ISSUER)
        .setAudience(TOKEN_AUDIENCE)
        .setJti(randomUUID())
        .setIssuedAt(now)
        .setExpirationTime(now + lifeS)
        .sign(await key);
    },
  };
}
