/** Kinds of columns, so that each table reads as a list of what it holds. Properties are named as the columns are. */
import type { EntitySchemaColumnOptions } from 'typeorm';

type Options = Omit<EntitySchemaColumnOptions, 'type'>;
type Kind = (options?: Options) => EntitySchemaColumnOptions;

export const text =
  (length: number): Kind =>
  (options = {}) => ({ type: 'varchar', length, ...options });

/** A TypeID of ours. */
export const id: Kind = text(36);

/** Compared byte by byte: keys that others give us. */
const exact = { charset: 'ascii', collation: 'ascii_bin' };
export const exactText =
  (length: number): Kind =>
  (options = {}) => ({ type: 'varchar', length, ...exact, ...options });

/** sha-256 in hex */
export const hash: Kind = (options = {}) => ({ type: 'char', length: 64, ...options });

export const integer: Kind = (options = {}) => ({ type: 'int', ...options });
/** won, sequences and counts without a near bound; exact in JavaScript below 2^53 */
export const bigInteger: Kind = (options = {}) => ({ type: 'bigint', ...options });
export const smallInteger: Kind = (options = {}) => ({ type: 'smallint', ...options });
export const tinyInteger: Kind = (options = {}) => ({ type: 'tinyint', ...options });
/** UTC, to the millisecond */
export const time: Kind = (options = {}) => ({ type: 'datetime', precision: 3, ...options });
export const json: Kind = (options = {}) => ({ type: 'json', ...options });

export const primary = { primary: true } as const;
export const nullable = { nullable: true } as const;
export const increment: Options = { primary: true, generated: 'increment' };

export const index = (name: string, columns: string[]) => ({ name, columns });
export const uniqueIndex = (name: string, columns: string[]) => ({ name, columns, unique: true });
