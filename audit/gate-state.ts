/** The gate as it stands in Redis, read for the audit: open generation, products, holds. */
import type { Redis } from 'ioredis';
import { parseHold } from '../infra/redis/hold';
import { gateKeys } from '../infra/redis/keys';

export interface GateState {
  /** null: closed */
  readonly generation: number | null;
  readonly available: ReadonlyMap<string, number>;
  readonly holds: ReadonlyMap<string, { readonly takenAt: number | null; readonly productIds: readonly string[] }>;
}

export async function readGate(redis: Redis, shop: string, productIds: readonly string[]): Promise<GateState> {
  const keys = gateKeys(shop);
  const generation = Number((await redis.get(keys.gate))?.split(':')[0] ?? 0) || null;
  if (generation === null) return { generation, available: new Map(), holds: new Map() };
  const of = keys.of(generation);
  const available = new Map<string, number>();
  for (const productId of productIds) {
    const units = await redis.hget(of.product(productId), 'available');
    if (units !== null) available.set(productId, Number(units));
  }
  const holds = new Map<string, { takenAt: number | null; productIds: string[] }>();
  for (const [orderId, text] of Object.entries(await redis.hgetall(of.holds))) {
    const takenAt = await redis.zscore(of.fresh, orderId);
    const { lines } = parseHold(text);
    holds.set(orderId, {
      takenAt: takenAt === null ? null : Number(takenAt),
      productIds: lines.map((line) => line.productId),
    });
  }
  return { generation, available, holds };
}
