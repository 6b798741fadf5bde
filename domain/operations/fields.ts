/** Fields that several operations share. Requests are strict objects: unknown fields are refused. */
import { z } from 'zod';
import { type IdPrefix, idPattern } from '../ids';
import { CURRENCY } from '../money';

export const id = (prefix: IdPrefix) => z.string().regex(idPattern(prefix), `must be an id like ${prefix}_…`);

/** UTC, ISO 8601 with milliseconds. */
export const timestamp = z.iso.datetime({ precision: 3 });
const CENTURY = [Date.UTC(2000, 0, 1), Date.UTC(2100, 0, 1)] as const;
/** Times that clients send may omit milliseconds. Dates that no sale can mean are mistakes, and stores refuse some of them. */
export const clientTime = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) >= CENTURY[0] && Date.parse(text) < CENTURY[1], 'must be between 2000 and 2100');

/** What people read, on one line: no control characters, and no halves of a pair, which stores would change in silence. */
export const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be text without control characters');

export const amount = z.number().int().min(0).max(1_000_000_000_000).describe('won');
export const price = z.number().int().min(1).max(100_000_000).describe('won, for one unit');
export const quantity = z.number().int().min(1).max(1_000);
export const currency = z.literal(CURRENCY);

/** The provider's rule for payment keys: at most 200 characters; ours are visible ASCII. */
export const paymentKey = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1–200 visible ASCII characters');

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('items per page'),
  cursor: z.string().max(500).optional().describe('`nextCursor` of the page before; absent: the first page'),
};

/** One page of a list. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('`cursor` of the next page; null on the last one'),
  });
