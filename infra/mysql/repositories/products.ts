/** Products and their first stock; the minutes of the sales report. Stock counters are the ledger's. */
import type { DataSource } from 'typeorm';
import { type Sql, type SqlValue, sqlOf } from '../transaction';

export interface ProductRow {
  readonly productId: string;
  readonly name: string;
  readonly type: 'NORMAL' | 'EVENT';
  /** won */
  readonly price: number;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly limitPerMember: number | null;
  /** counts changes; the ETag is made of it */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
export interface ProductFields {
  readonly name: string;
  readonly price: number;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly limitPerMember: number | null;
}
export interface SalesMinute {
  readonly productId: string;
  readonly minute: Date;
  readonly units: number;
  /** won */
  readonly revenue: number;
}

const COLUMNS = `id AS productId, name, type, price, opens_at AS opensAt, closes_at AS closesAt,
  limit_per_member AS limitPerMember, version, created_at AS createdAt, updated_at AS updatedAt`;

const whereOf = (wheres: readonly (readonly [string, SqlValue])[]): string =>
  wheres.length > 0 ? `WHERE ${wheres.map(([condition]) => condition).join(' AND ')}` : '';

/** The product as it stands in this transaction. */
export async function readProduct(sql: Sql, productId: string): Promise<ProductRow | null> {
  const [row] = await sql.rows<ProductRow>(`SELECT ${COLUMNS} FROM products WHERE id = ?`, [productId]);
  return row ?? null;
}

export async function insertProduct(
  tx: Sql,
  product: ProductFields & { readonly productId: string; readonly type: ProductRow['type'] },
): Promise<void> {
  const { productId, name, type, price, opensAt, closesAt, limitPerMember } = product;
  await tx.change(
    `INSERT INTO products (id, name, type, price, opens_at, closes_at, limit_per_member, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [productId, name, type, price, opensAt, closesAt, limitPerMember],
  );
}

/** Guarded by the version that was read: false when the product has changed since. */
export async function changeProduct(sql: Sql, product: ProductRow, fields: ProductFields): Promise<boolean> {
  const affected = await sql.change(
    `UPDATE products SET name = ?, price = ?, opens_at = ?, closes_at = ?, limit_per_member = ?,
       version = version + 1, updated_at = UTC_TIMESTAMP(3)
     WHERE id = ? AND version = ?`,
    [
      fields.name,
      fields.price,
      fields.opensAt,
      fields.closesAt,
      fields.limitPerMember,
      product.productId,
      product.version,
    ],
  );
  return affected === 1;
}

export function createProductsRepository(source: DataSource) {
  const sql = sqlOf(source);
  return {
    find: (productId: string): Promise<ProductRow | null> => readProduct(sql, productId),

    async findAll(productIds: readonly string[]): Promise<ReadonlyMap<string, ProductRow>> {
      if (productIds.length === 0) return new Map();
      const rows = await sql.rows<ProductRow>(`SELECT ${COLUMNS} FROM products WHERE id IN (?)`, [productIds]);
      return new Map(rows.map((row) => [row.productId, row]));
    },

    /** Newest first: ids sort by birth. */
    async page(query: {
      readonly type?: ProductRow['type'];
      readonly before?: string;
      readonly limit: number;
    }): Promise<readonly ProductRow[]> {
      const wheres: [string, SqlValue][] = [];
      if (query.type) wheres.push(['type = ?', query.type]);
      if (query.before) wheres.push(['id < ?', query.before]);
      const values = [...wheres.map(([, value]) => value), query.limit];
      return sql.rows(`SELECT ${COLUMNS} FROM products ${whereOf(wheres)} ORDER BY id DESC LIMIT ?`, values);
    },

    /** Newest minute first. */
    async sales(query: {
      readonly productId?: string;
      readonly before?: { readonly minute: Date; readonly productId: string };
      readonly limit: number;
    }): Promise<readonly SalesMinute[]> {
      const wheres: [string, SqlValue[]][] = [];
      if (query.productId) wheres.push(['product_id = ?', [query.productId]]);
      if (query.before) {
        const { minute, productId } = query.before;
        wheres.push(['(minute < ? OR (minute = ? AND product_id < ?))', [minute, minute, productId]]);
      }
      const where = wheres.length > 0 ? `WHERE ${wheres.map(([condition]) => condition).join(' AND ')}` : '';
      const rows = await sql.rows<SalesMinute>(
        `SELECT product_id AS productId, minute, units, revenue FROM sales_minutes ${where}
         ORDER BY minute DESC, product_id DESC LIMIT ?`,
        [...wheres.flatMap(([, values]) => values), query.limit],
      );
      return rows.map((row) => ({ ...row, revenue: Number(row.revenue) }));
    },
  };
}

export type ProductsRepository = ReturnType<typeof createProductsRepository>;
