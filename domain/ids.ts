/**
 * Identifiers are TypeIDs: a prefix that says what is named, then a UUIDv7 in base32 (sorts by birth).
 * An order id is also the provider's order id (6–64 of letters, digits, `-`, `_`).
 */
import { typeid } from 'typeid-js';

export type IdPrefix = 'mem' | 'ses' | 'prd' | 'ord' | 'pay' | 'rfd' | 'evt' | 'ntf' | 'whk';

/** A new id of the given kind. */
export const createId = (prefix: IdPrefix): string => typeid(prefix).toString();

const SUFFIX = '[0-7][0-9a-hjkmnp-tv-z]{25}';

/** The pattern of one kind of id, for schemas. */
export const idPattern = (prefix: IdPrefix): RegExp => new RegExp(`^${prefix}_${SUFFIX}$`);
