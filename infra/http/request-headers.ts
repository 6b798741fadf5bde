/** Request headers with a grammar of their own. */
import { randomUUID } from 'node:crypto';
import { Problem } from '../../domain/errors';

const KEY = /^[\x21-\x7e]{1,255}$/;
/** Structured field string (RFC 8941): quoted, with `\"` and `\\` escaped. */
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * The Idempotency-Key, bare or quoted.
 * @throws Problem idempotency_key_missing; malformed_request when it is not 1–255 visible ASCII characters
 */
export function parseIdempotencyKey(header: string | undefined): string {
  if (header === undefined || header === '') throw new Problem('idempotency_key_missing');
  const quoted = QUOTED.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  const key = quoted ?? header;
  if (!KEY.test(key)) {
    throw new Problem('malformed_request', { detail: 'Idempotency-Key must be 1–255 visible ASCII characters' });
  }
  return key;
}

/** The longest a client may ask us to wait, in seconds. */
export const WAIT_MAX_S = 30;

export interface Preferences {
  /** seconds, 1–30; what was asked for above that is cut */
  readonly waitS?: number;
}

/** `Prefer: wait=N` (RFC 7240). Preferences we do not know are ignored, as the RFC says. */
export function parsePrefer(header: string | undefined): Preferences {
  const asked = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(header ?? '')?.[1];
  const waitS = Math.min(Number(asked ?? 0), WAIT_MAX_S);
  return waitS > 0 ? { waitS } : {};
}

const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** The request id the caller sent, when it looks like one; else a new one. */
export const requestIdOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID();
