/** Texts that must come out the same for the same value: body hashes and page cursors. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { Problem } from '../../domain/errors';

/** JSON with sorted keys and without spaces (the subset of RFC 8785 that our bodies use: no floats). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** sha-256, hex: equal for bodies that differ in key order and spaces only. */
export const canonicalHash = (body: unknown): string => createHash('sha256').update(canonicalJson(body)).digest('hex');

/** What an idempotency key is bound to: the body and the resource in the path. */
export const requestHash = (request: { readonly params: unknown; readonly body: unknown }): string =>
  canonicalHash({ params: request.params, body: request.body });

export type CursorPosition = string | number | readonly (string | number)[];

/** Where the next page begins, as clients see it. They must not look inside, so it may change at any time. */
export const encodeCursor = (position: CursorPosition): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/**
 * @param cursor what the client sent; undefined for the first page
 * @param schema shape of the position: the kind of id, so that a cursor of another list is no cursor of this one
 * @throws Problem invalid_cursor
 */
export function decodeCursor<T>(cursor: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (cause) {
    throw new Problem('invalid_cursor', {}, { cause });
  }
}
