/**
 * What MariaDB says of the gate: its generation with the lease of the rebuild, and the reads a rebuild and a drift check
 * are made of. Every list comes in pages by primary key, so that no answer grows with the shop.
 */
import { randomBytes } from 'node:crypto';
import { TypeID } from 'typeid-js';
import type { DataSource } from 'typeorm';
import { inTransaction, parseJson, type Sql, sqlOf } from '../transaction';

export interface StockedProduct {
  readonly productId: string;
  readonly name: string;
  readonly price: number;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly limitPerMember: number | null;
  /** on_hand − held − sold */
  readonly free: number;
  /** number of the latest adjustment */
  readonly adjustments: number;
}
export interface KeyedOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly idempotencyKey: string;
  readonly bodyHash: string;
  readonly createdAt: Date;
  readonly productIds: readonly string[];
}
export interface OpenOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  readonly idempotencyKey: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
}
export interface CountedUnits {
  readonly productId: string;
  readonly memberId: string;
  readonly units: number;
}

const IS_OPEN = "status IN ('QUEUED', 'PENDING_PAYMENT')";

/** Reads for the gate, in whatever transaction `sql` is. */
export interface GateReads {
  highestSequence(): Promise<number>;
  products(after: string, limit: number): Promise<readonly StockedProduct[]>;
  openOrders(after: string, limit: number): Promise<readonly OpenOrder[]>;
  /** Orders whose idempotency key may be repeated: those born after `since`. */
  keyedOrders(after: string, limit: number): Promise<readonly KeyedOrder[]>;
  countedUnits(after: { productId: string; memberId: string }, limit: number): Promise<readonly CountedUnits[]>;
  /** Which of these orders have a row. */
  known(orderIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Which of these orders have a row and are no longer open. */
  ended(orderIds: readonly string[]): Promise<readonly string[]>;
}

/** The smallest order id of a moment: ids begin with their time of birth, so a page of the newest needs no index of its own. */
export function firstOrderIdAt(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return TypeID.fromUUID('ord', `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`).toString();
}

export const gateReads = (sql: Sql): GateReads => ({
  async highestSequence() {
    const [row] = await sql.rows<{ sequence: number | null }>('SELECT MAX(sequence) AS sequence FROM orders');
    return row?.sequence ?? 0;
  },
  products: (after, limit) =>
    sql.rows<StockedProduct>(
      `SELECT p.id AS productId, p.name, p.price, p.opens_at AS opensAt, p.closes_at AS closesAt,
         p.limit_per_member AS limitPerMember, CAST(COALESCE(s.on_hand - s.held - s.sold, 0) AS SIGNED) AS free,
         COALESCE(s.adjustments, 0) AS adjustments
       FROM products p LEFT JOIN stock s ON s.product_id = p.id WHERE p.id > ? ORDER BY p.id LIMIT ?`,
      [after, limit],
    ),
  async openOrders(after, limit) {
    const rows = await sql.rows<Omit<OpenOrder, 'lines'> & { items: unknown }>(
      `SELECT id AS orderId, member_id AS memberId, sequence, idempotency_key AS idempotencyKey, items
       FROM orders WHERE ${IS_OPEN} AND id > ? ORDER BY id LIMIT ?`,
      [after, limit],
    );
    return rows.map(({ items, ...row }) => ({ ...row, lines: parseJson<OpenOrder['lines']>(items) }));
  },
  async keyedOrders(after, limit) {
    const rows = await sql.rows<Omit<KeyedOrder, 'productIds'> & { items: unknown }>(
      `SELECT id AS orderId, member_id AS memberId, idempotency_key AS idempotencyKey, body_hash AS bodyHash,
         created_at AS createdAt, items FROM orders WHERE id > ? ORDER BY id LIMIT ?`,
      [after, limit],
    );
    return rows.map(({ items, ...row }) => ({
      ...row,
      productIds: parseJson<OpenOrder['lines']>(items).map(({ productId }) => productId),
    }));
  },
  countedUnits: ({ productId, memberId }, limit) =>
    sql.rows<CountedUnits>(
      `SELECT product_id AS productId, member_id AS memberId, units FROM member_limits
       WHERE (product_id = ? AND member_id > ?) OR product_id > ? ORDER BY product_id, member_id LIMIT ?`,
      [productId, memberId, productId, limit],
    ),
  async known(orderIds) {
    if (orderIds.length === 0) return new Set();
    const rows = await sql.rows<{ id: string }>('SELECT id FROM orders WHERE id IN (?)', [orderIds]);
    return new Set(rows.map(({ id }) => id));
  },
  async ended(orderIds) {
    if (orderIds.length === 0) return [];
    const sqlText = `SELECT id FROM orders WHERE id IN (?) AND NOT ${IS_OPEN}`;
    return (await sql.rows<{ id: string }>(sqlText, [orderIds])).map(({ id }) => id);
  },
});

/** The row `gate`: the generation every acceptance checks, and the lease of the rebuild. */
export function createGateRow(source: DataSource) {
  const sql = sqlOf(source);
  const holder = randomBytes(8).toString('hex');
  const readGeneration = async (tx: Sql, lock = ''): Promise<number> => {
    const [row] = await tx.rows<{ generation: number }>(`SELECT generation FROM gate WHERE id = 1 ${lock}`);
    if (!row) throw new Error('gate: its row is missing; run the migrations');
    return row.generation;
  };
  return {
    generation: () => readGeneration(sql),
    /** False: somebody else rebuilds. A lease that has run out is taken over; what its holder still does, the generation stops. */
    async lease(leaseMs: number): Promise<boolean> {
      const taken = await sql.change(
        `UPDATE gate SET lease_owner = ?, lease_until = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND
         WHERE id = 1 AND (lease_until IS NULL OR lease_until < UTC_TIMESTAMP(3) OR lease_owner = ?)`,
        [holder, leaseMs * 1_000, holder],
      );
      return taken === 1;
    },
    async release(): Promise<void> {
      await sql.change('UPDATE gate SET lease_owner = NULL, lease_until = NULL WHERE id = 1 AND lease_owner = ?', [
        holder,
      ]);
    },
    /** From its commit on, no acceptance under an earlier generation can commit; those that could, have. */
    nextGeneration: () =>
      inTransaction(source, async (tx) => {
        const generation = (await readGeneration(tx, 'FOR UPDATE')) + 1;
        await tx.change('UPDATE gate SET generation = ? WHERE id = 1', [generation]);
        return generation;
      }),
    /** Runs `open` while the row is locked, if it still has this generation. */
    whileCurrent: (generation: number, open: () => Promise<boolean>) =>
      inTransaction(source, async (tx) => {
        if ((await readGeneration(tx, 'FOR UPDATE')) !== generation || !(await open())) return false;
        await tx.change('UPDATE gate SET rebuilt_at = UTC_TIMESTAMP(3) WHERE id = 1');
        return true;
      }),
  };
}
