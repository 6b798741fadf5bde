/** A hold as it stands in Redis: whose units, under which idempotency key. Scripts compare its text and never read it. */

export interface HeldLine {
  readonly productId: string;
  readonly quantity: number;
}
export interface Hold {
  readonly memberId: string;
  /** empty when it is not known (a hold taken again): the order's row binds the key then */
  readonly idempotencyKey: string;
  readonly lines: readonly HeldLine[];
}

export const formatHold = ({ memberId, idempotencyKey, lines }: Hold): string =>
  JSON.stringify([memberId, idempotencyKey, lines.map(({ productId, quantity }) => [productId, quantity])]);

export function parseHold(text: string): Hold {
  const [memberId, idempotencyKey, lines] = JSON.parse(text) as [string, string, [string, number][]];
  return { memberId, idempotencyKey, lines: lines.map(([productId, quantity]) => ({ productId, quantity })) };
}

/** One line per product: scripts check a product once. */
export function mergeLines(lines: readonly HeldLine[]): readonly HeldLine[] {
  const units = new Map<string, number>();
  for (const { productId, quantity } of lines) units.set(productId, (units.get(productId) ?? 0) + quantity);
  return [...units].map(([productId, quantity]) => ({ productId, quantity }));
}

export interface KeyRecord {
  readonly orderId: string;
  readonly bodyHash: string;
}
export const formatRecord = ({ orderId, bodyHash }: KeyRecord): string => `${orderId} ${bodyHash}`;
export function parseRecord(text: string): KeyRecord {
  const [orderId = '', bodyHash = ''] = text.split(' ');
  return { orderId, bodyHash };
}
