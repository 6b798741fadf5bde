/** What the gate is rebuilt from: one consistent view of MariaDB. */
import type { DataSource } from 'typeorm';
import type { OrderLine } from '../../domain/order';
import { parseJson } from '../mysql/transaction';
import type { GateProduct } from './gate-types';

export interface ProductSnapshot extends GateProduct {
  /** on hand less held and sold, in units */
  readonly available: number;
  /** number of the latest adjustment contained in it */
  readonly adjustments: number;
}
export interface OrderSnapshot {
  readonly orderId: string;
  readonly memberId: string;
  readonly idempotencyKey: string;
  readonly bodyHash: string;
  readonly lines: readonly OrderLine[];
  /** its units are held */
  readonly isOpen: boolean;
  readonly ageS: number;
}
export interface LimitSnapshot {
  readonly productId: string;
  readonly memberId: string;
  readonly units: number;
}
export interface Snapshot {
  readonly products: readonly ProductSnapshot[];
  /** open ones of any age, others of the last 24 hours (their keys still answer) */
  readonly orders: readonly OrderSnapshot[];
  readonly limits: readonly LimitSnapshot[];
  readonly highestSequence: number;
}

/** How long a key is answered by the gate; MariaDB knows it for ever. */
export const KEY_LIFE_S = 86_400;

const PRODUCTS = `SELECT p.id AS productId, p.name, p.price, p.limit_per_member AS limitPerMember,
  CAST(UNIX_TIMESTAMP(p.opens_at) * 1000 AS SIGNED) AS opensAt,
  CAST(UNIX_TIMESTAMP(p.closes_at) * 1000 AS SIGNED) AS closesAt,
  s.on_hand - s.held - s.sold AS available, s.adjustments
  FROM products p JOIN stock s ON s.product_id = p.id`;

type Query = <T>(sql: string, values?: unknown[]) => Promise<T[]>;

export async function readProductSnapshots(query: Query): Promise<ProductSnapshot[]> {
  const rows = await query<ProductSnapshot>(PRODUCTS);
  const time = (value: number | string | null): number | null => (value === null ? null : Number(value));
  return rows.map((row) => ({ ...row, opensAt: time(row.opensAt), closesAt: time(row.closesAt) }));
}

async function readOrders(query: Query): Promise<OrderSnapshot[]> {
  const rows = await query<Omit<OrderSnapshot, 'lines' | 'isOpen'> & { items: unknown; isOpen: number | string }>(
    `SELECT id AS orderId, member_id AS memberId, idempotency_key AS idempotencyKey, body_hash AS bodyHash, items,
       status IN ('QUEUED', 'PENDING_PAYMENT') AS isOpen, TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP(3)) AS ageS
     FROM orders
     WHERE status IN ('QUEUED', 'PENDING_PAYMENT') OR created_at > UTC_TIMESTAMP(3) - INTERVAL ${KEY_LIFE_S} SECOND`,
  );
  return rows.map(({ items, isOpen, ageS, ...row }) => ({
    ...row,
    lines: parseJson<OrderLine[]>(items),
    isOpen: Number(isOpen) === 1,
    ageS: Number(ageS),
  }));
}

/** Runs `read` in one consistent view. */
export async function inSnapshot<T>(source: DataSource, read: (query: Query) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    await runner.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await runner.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const result = await read((sql, values) => runner.query(sql, values));
    await runner.query('COMMIT');
    return result;
  } catch (error) {
    await runner.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

export const readSnapshot = (source: DataSource): Promise<Snapshot> =>
  inSnapshot(source, async (query) => {
    const [highest] = await query<{ highest: number | string | null }>('SELECT MAX(sequence) AS highest FROM orders');
    return {
      products: await readProductSnapshots(query),
      orders: await readOrders(query),
      limits: await query<LimitSnapshot>(
        'SELECT product_id AS productId, member_id AS memberId, units FROM member_limits WHERE units > 0',
      ),
      highestSequence: Number(highest?.highest ?? 0),
    };
  });
