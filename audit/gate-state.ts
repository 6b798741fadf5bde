/** The gate as it stands in Redis, read for the audit: open generation, products, holds. */
import type { Redis } from 'ioredis';
import { type HeldLine, parseHold } from '../infra/redis/hold';
import { gateKeys } from '../infra/redis/keys';

export interface GateState {
  /** null: closed */
  readonly generation: number | null;
  readonly available: ReadonlyMap<string, number>;
  /** the number of the adjustment applied last */
  readonly applied: ReadonlyMap<string, number>;
  /** by order id */
  readonly holds: ReadonlyMap<string, AuditedHold>;
}
export interface AuditedHold {
  /** ms since the epoch, Redis' clock; null once its order's row is known to be there */
  readonly takenAt: number | null;
  readonly lines: readonly HeldLine[];
}
/** A hold without a row, or beyond its order's end, for longer than this is a stray. */
export const HOLD_ALONE_MS = 60_000;

export async function readGate(redis: Redis, shop: string, productIds: readonly string[]): Promise<GateState> {
  const keys = gateKeys(shop);
  const generation = Number((await redis.get(keys.gate))?.split(':')[0] ?? 0) || null;
  if (generation === null) return { generation, available: new Map(), applied: new Map(), holds: new Map() };
  const of = keys.of(generation);
  const available = new Map<string, number>();
  const applied = new Map<string, number>();
  for (const productId of productIds) {
    const [units, number] = await redis.hmget(of.product(productId), 'available', 'applied');
    if (units != null) available.set(productId, Number(units));
    if (number != null) applied.set(productId, Number(number));
  }
  const holds = new Map<string, AuditedHold>();
  for (const [orderId, text] of Object.entries(await redis.hgetall(of.holds))) {
    const takenAt = await redis.zscore(of.fresh, orderId);
    holds.set(orderId, { takenAt: takenAt === null ? null : Number(takenAt), lines: parseHold(text).lines });
  }
  return { generation, available, applied, holds };
}
