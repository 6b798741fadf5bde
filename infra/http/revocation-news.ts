/**
 * Telling gateways of revoked sessions. MariaDB holds the truth; Redis carries the news and a list of what was
 * revoked lately, for gateways that cannot reach MariaDB. News may be lost: gateways re-read every second.
 */
import type { Redis } from 'ioredis';

export const revocationChannel = (shop: string): string => `{${shop}}:revocations`;
/** sorted set: session id by time of revocation, ms */
export const revocationList = (shop: string): string => `{${shop}}:revoked`;

/** Header from a service to the gateway that asked: these sessions (comma separated) are revoked as of this answer. */
export const REVOKED_HEADER = 'x-firstcome-revoked';

/** Longer than any access token lives (ACCESS_TOKEN_S is at most a day). */
export const REVOCATION_MEMORY_MS = 25 * 3_600_000;

export type RevocationSender = (sessionId: string) => Promise<void>;

/** The sender never throws: what is not told now is read from MariaDB within a second. */
export function createRevocationSender(
  redis: Redis,
  shop: string,
  onError: (error: unknown) => void,
): RevocationSender {
  return async (sessionId) => {
    const now = Date.now();
    await redis
      .multi()
      .zadd(revocationList(shop), now, sessionId)
      .zremrangebyscore(revocationList(shop), 0, now - REVOCATION_MEMORY_MS)
      .publish(revocationChannel(shop), sessionId)
      .exec()
      .then(() => undefined, onError);
  };
}
