/** All operations of the public contract. */
import * as carts from './carts';
import * as members from './members';
import type { OperationShape } from './operation';
import * as orders from './orders';
import * as payments from './payments';
import * as products from './products';
import * as registry from './registry';

const isOperation = (value: unknown): value is OperationShape =>
  typeof value === 'object' && value !== null && 'service' in value && 'answers' in value;

export const operations: readonly OperationShape[] = [members, carts, products, orders, payments, registry].flatMap(
  (noun) => Object.values(noun as Record<string, unknown>).filter(isOperation),
);
