/**
 * Tickets for event streams: browsers' EventSource cannot send a token, so the URL carries a ticket instead.
 * Good for one order, ten minutes, and nothing but reading its stream.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const LIFE_S = 600;

const macOf = (secret: string, orderId: string, expiresAtS: number): Buffer =>
  createHmac('sha256', Buffer.from(secret, 'base64url')).update(`stream\n${orderId}\n${expiresAtS}`).digest();

/**
 * @param secret base64url, at least 32 bytes
 * @returns `<expiry in seconds, base 36>.<HMAC-SHA-256, base64url>`
 */
export function signTicket(secret: string, orderId: string, nowMs = Date.now()): string {
  const expiresAtS = Math.floor(nowMs / 1000) + LIFE_S;
  return `${expiresAtS.toString(36)}.${macOf(secret, orderId, expiresAtS).toString('base64url')}`;
}

/** True for an unexpired ticket of ours for this order. */
export function isTicketFor(secret: string, orderId: string, ticket: string, nowMs = Date.now()): boolean {
  const match = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]{43})$/.exec(ticket);
  if (!match?.[1] || !match[2]) return false;
  const expiresAtS = Number.parseInt(match[1], 36);
  const given = Buffer.from(match[2], 'base64url');
  return expiresAtS * 1000 > nowMs && timingSafeEqual(given, macOf(secret, orderId, expiresAtS));
}
