/** A ledger on a database of its own, with short ways to make what a test needs, and the sums that must always hold. */
import type { DataSource } from 'typeorm';
import { createId } from '../../../domain/ids';
import { totalOf } from '../../../domain/money';
import type { OrderLine } from '../../../domain/order';
import { addStock, createLedger, type Ledger, type Reservation } from '../../../infra/mysql/ledger';
import { inTransaction, type Sql, sqlOf } from '../../../infra/mysql/transaction';
import { createTestDatabase } from '../../support/database';

export interface LedgerFixture {
  readonly source: DataSource;
  readonly sql: Sql;
  readonly ledger: Ledger;
  /** A product on sale; answers its id. */
  product(units: number, options?: { readonly price?: number; readonly limit?: number }): Promise<string>;
  /** What a gate of this generation would have given; every call has a new sequence. */
  reservation(productId: string, given?: Partial<Reservation>): Reservation;
  lines(productId: string, quantity: number): readonly OrderLine[];
  /** An accepted order. */
  accepted(productId: string, given?: Partial<Reservation>): Promise<Reservation>;
  /** An accepted order that `owner` has claimed. */
  claimed(productId: string, given?: Partial<Reservation>): Promise<Reservation & { readonly owner: string }>;
  destroy(): Promise<void>;
}

export const PRICE = 1_000;

export async function createLedgerFixture(): Promise<LedgerFixture> {
  const database = await createTestDatabase();
  const source = database.source;
  const sql = sqlOf(source);
  const ledger = createLedger(source);
  const limits = new Map<string, number>();
  let sequence = 0;

  const lines = (productId: string, quantity: number): readonly OrderLine[] => [
    { productId, name: 'Shoe', quantity, unitPrice: PRICE },
  ];
  const reservation: LedgerFixture['reservation'] = (productId, given = {}) => {
    const chosen = given.lines ?? lines(productId, 1);
    sequence += 1;
    return {
      orderId: createId('ord'),
      memberId: createId('mem'),
      idempotencyKey: `key-${sequence}`,
      bodyHash: 'a'.repeat(64),
      sequence,
      generation: 0,
      lines: chosen,
      amount: totalOf(chosen),
      limits: Object.fromEntries(
        chosen.flatMap((line) => {
          const limit = limits.get(line.productId);
          return limit === undefined ? [] : [[line.productId, limit]];
        }),
      ),
      fromCart: false,
      ...given,
    };
  };
  const accepted: LedgerFixture['accepted'] = async (productId, given) => {
    const made = reservation(productId, given);
    const [answer] = await ledger.acceptOrders([made]);
    if (answer?.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
    return made;
  };

  return {
    source,
    sql,
    ledger,
    lines,
    reservation,
    accepted,
    async product(units, { price = PRICE, limit } = {}) {
      const productId = createId('prd');
      await inTransaction(source, async (tx) => {
        await tx.change(
          `INSERT INTO products (id, name, type, price, limit_per_member, created_at, updated_at)
           VALUES (?, 'Shoe', ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
          [productId, limit === undefined ? 'NORMAL' : 'EVENT', price, limit ?? null],
        );
        await addStock({ productId, quantity: units, reason: 'created', reference: null }, tx);
      });
      if (limit !== undefined) limits.set(productId, limit);
      return productId;
    },
    async claimed(productId, given) {
      const made = await accepted(productId, given);
      const owner = `checkout-${made.orderId}`;
      await sql.change('UPDATE orders SET owner = ?, claimed_at = UTC_TIMESTAMP(3) WHERE id = ?', [
        owner,
        made.orderId,
      ]);
      return { ...made, owner };
    },
    destroy: () => database.destroy(),
  };
}

export interface StockRow {
  readonly onHand: number;
  readonly held: number;
  readonly sold: number;
  readonly adjustments: number;
}

export async function stockOf(sql: Sql, productId: string): Promise<StockRow> {
  const [row] = await sql.rows<StockRow>(
    'SELECT on_hand AS onHand, held, sold, adjustments FROM stock WHERE product_id = ?',
    [productId],
  );
  if (!row) throw new Error(`no stock of ${productId}`);
  return row;
}

export interface OrderState {
  readonly status: string;
  readonly owner: string | null;
  readonly version: number;
  readonly activePayment: string | null;
}

export async function orderOf(sql: Sql, orderId: string): Promise<OrderState | undefined> {
  const [row] = await sql.rows<OrderState>(
    'SELECT status, owner, version, active_payment AS activePayment FROM orders WHERE id = ?',
    [orderId],
  );
  return row;
}

export const historyOf = async (sql: Sql, orderId: string): Promise<readonly string[]> =>
  (
    await sql.rows<{ status: string }>('SELECT status FROM order_history WHERE order_id = ? ORDER BY id', [orderId])
  ).map((row) => row.status);

export const eventsOf = async (sql: Sql, orderId: string): Promise<readonly string[]> =>
  (await sql.rows<{ type: string }>('SELECT type FROM outbox WHERE order_id = ? ORDER BY id', [orderId])).map(
    (row) => row.type,
  );

/** Units that rows of orders account for, beside what the stock row says: equal, or units leaked. */
export async function expectUnitsAddUp(sql: Sql): Promise<void> {
  const off = await sql.rows(
    `SELECT s.product_id, s.on_hand, s.held, s.sold, COALESCE(u.open, 0) AS open, COALESCE(u.kept, 0) AS kept
     FROM stock s LEFT JOIN (
       SELECT line.product_id,
         SUM(CASE WHEN o.status IN ('QUEUED', 'PENDING_PAYMENT') THEN line.quantity ELSE 0 END) AS open,
         SUM(CASE WHEN o.status IN ('CONFIRMED', 'REFUNDING') THEN line.quantity ELSE 0 END) AS kept
       FROM orders o, JSON_TABLE(o.items, '$[*]' COLUMNS (
         product_id VARCHAR(36) PATH '$.productId', quantity INT PATH '$.quantity')) AS line
       GROUP BY line.product_id) u ON u.product_id = s.product_id
     WHERE s.held <> COALESCE(u.open, 0) OR s.sold <> COALESCE(u.kept, 0) OR s.held + s.sold > s.on_hand`,
  );
  expect(off).toEqual([]);
}
