/**
 * Reads of orders for the buyer's and the operator's eyes. Nothing here changes a row.
 * `viewer` restricts to one member; null means an admin, who sees all.
 */
import type { DataSource } from 'typeorm';
import type { OrderLine, OrderStatus } from '../../../domain/order';
import type { PaymentStatus, RefundStatus } from '../../../domain/payment';
import { gather, groupBy } from '../gather';

export interface OrderRow {
  readonly orderId: string;
  readonly memberId: string;
  readonly sequence: number;
  readonly status: OrderStatus;
  readonly amount: number;
  readonly items: readonly OrderLine[];
  readonly idempotencyKey: string;
  readonly bodyHash: string;
  readonly owner: string | null;
  readonly payBy: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
export interface TimelineRow {
  readonly id: number;
  readonly status: OrderStatus;
  readonly reason: string | null;
  readonly at: Date;
}
export interface PaymentRow {
  readonly paymentId: string;
  readonly status: PaymentStatus;
  readonly amount: number;
  readonly approvedAt: Date | null;
  readonly failureCode: string | null;
}
export interface RefundRow {
  readonly refundId: string;
  readonly orderId: string;
  readonly paymentId: string;
  readonly status: RefundStatus;
  readonly amount: number;
  readonly reason: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
export interface OrderPageQuery {
  readonly viewer: string | null;
  readonly status?: OrderStatus;
  readonly limit: number;
  /** order id of the last item of the page before */
  readonly before?: string;
}

const COLUMNS = `id AS orderId, member_id AS memberId, sequence, status, amount, items,
  idempotency_key AS idempotencyKey, body_hash AS bodyHash, owner, pay_by AS payBy,
  created_at AS createdAt, updated_at AS updatedAt`;

interface RawOrder extends Omit<OrderRow, 'items' | 'sequence' | 'amount'> {
  readonly items: string | readonly OrderLine[];
  readonly sequence: number | string;
  readonly amount: number | string;
}

// MariaDB's JSON is text, MySQL's arrives parsed; BIGINT may arrive as text.
const toOrder = (raw: RawOrder): OrderRow => ({
  ...raw,
  items: typeof raw.items === 'string' ? (JSON.parse(raw.items) as OrderLine[]) : raw.items,
  sequence: Number(raw.sequence),
  amount: Number(raw.amount),
});

/** Reads over one data source; every function is one query, and what followers of a burst ask for is gathered. */
export function createOrdersRepository(source: DataSource) {
  const rows = <T>(sql: string, values: readonly unknown[]): Promise<T[]> =>
    source.query(sql, [...values]) as Promise<T[]>;
  const unique = (orderIds: readonly string[]): readonly string[] => [...new Set(orderIds)];

  const findOrder = gather<string, OrderRow | null>(async (orderIds) => {
    const found = await rows<RawOrder>(`SELECT ${COLUMNS} FROM orders WHERE id IN (?)`, [unique(orderIds)]);
    const byId = new Map(found.map((raw) => [raw.orderId, toOrder(raw)]));
    return orderIds.map((orderId) => byId.get(orderId) ?? null);
  });
  const findTimeline = gather<string, readonly TimelineRow[]>(async (orderIds) => {
    const found = await rows<TimelineRow & { readonly orderId: string }>(
      'SELECT order_id AS orderId, id, status, reason, at FROM order_history WHERE order_id IN (?) ORDER BY order_id, id',
      [unique(orderIds)],
    );
    const byOrder = groupBy(found, ({ orderId }) => orderId);
    return orderIds.map((orderId) =>
      (byOrder.get(orderId) ?? []).map(({ id, status, reason, at }) => ({ id: Number(id), status, reason, at })),
    );
  });
  /** The newest history id of each of these orders: one query for all who wait. */
  const newest = async (orderIds: readonly string[]): Promise<Map<string, number>> => {
    if (orderIds.length === 0) return new Map();
    const found = await rows<{ orderId: string; id: number | string }>(
      'SELECT order_id AS orderId, MAX(id) AS id FROM order_history WHERE order_id IN (?) GROUP BY order_id',
      [unique(orderIds)],
    );
    return new Map(found.map((row) => [row.orderId, Number(row.id)]));
  };

  return {
    async find(orderId: string, viewer: string | null): Promise<OrderRow | null> {
      const order = await findOrder(orderId);
      return viewer === null || order?.memberId === viewer ? order : null;
    },

    /** The order that an idempotency key is bound to. */
    async findByKey(memberId: string, key: string): Promise<OrderRow | null> {
      const [raw] = await rows<RawOrder>(`SELECT ${COLUMNS} FROM orders WHERE member_id = ? AND idempotency_key = ?`, [
        memberId,
        key,
      ]);
      return raw ? toOrder(raw) : null;
    },

    /** Newest first: order ids sort by birth. */
    async page(query: OrderPageQuery): Promise<OrderRow[]> {
      const wheres: [string, unknown][] = [];
      if (query.viewer !== null) wheres.push(['member_id = ?', query.viewer]);
      if (query.status) wheres.push(['status = ?', query.status]);
      if (query.before) wheres.push(['id < ?', query.before]);
      const where = wheres.length > 0 ? `WHERE ${wheres.map(([sql]) => sql).join(' AND ')}` : '';
      const found = await rows<RawOrder>(`SELECT ${COLUMNS} FROM orders ${where} ORDER BY id DESC LIMIT ?`, [
        ...wheres.map(([, value]) => value),
        query.limit,
      ]);
      return found.map(toOrder);
    },

    timeline: findTimeline,
    newest,
    /** The newest history id of one order; 0 when it has none. */
    newestOf: gather<string, number>(async (orderIds) => {
      const ids = await newest(orderIds);
      return orderIds.map((orderId) => ids.get(orderId) ?? 0);
    }),

    async payments(orderId: string): Promise<PaymentRow[]> {
      const found = await rows<PaymentRow>(
        `SELECT id AS paymentId, status, amount, approved_at AS approvedAt, failure_code AS failureCode
         FROM payments WHERE order_id = ? ORDER BY id`,
        [orderId],
      );
      return found.map((row) => ({ ...row, amount: Number(row.amount) }));
    },

    async findRefund(orderId: string, refundId: string): Promise<RefundRow | null> {
      const [row] = await rows<RefundRow>(
        `SELECT id AS refundId, order_id AS orderId, payment_id AS paymentId, status, amount, reason,
           created_at AS createdAt, updated_at AS updatedAt
         FROM refunds WHERE id = ? AND order_id = ?`,
        [refundId, orderId],
      );
      return row ? { ...row, amount: Number(row.amount) } : null;
    },

    /**
     * Queued, unclaimed orders before this queued one; those whose buyer is paying go first. 0 once it is claimed.
     * The line is read once for all who ask at a moment: counted for each of them, a burst would cost the square of its size.
     */
    ahead: gather<string, number>(async (orderIds) => {
      const found = await rows<{ orderId: string; ahead: number | string }>(
        `SELECT orderId, place - 1 AS ahead FROM (
           SELECT id AS orderId, ROW_NUMBER() OVER (ORDER BY paying DESC, sequence) AS place
           FROM orders FORCE INDEX (ix_orders_line) WHERE status = 'QUEUED' AND owner IS NULL
         ) AS line WHERE orderId IN (?)`,
        [unique(orderIds)],
      );
      const places = new Map(found.map((row) => [row.orderId, Number(row.ahead)]));
      return orderIds.map((orderId) => places.get(orderId) ?? 0);
    }),

    /** Sold and on hand of a product; null when it does not exist. */
    async stock(productId: string): Promise<{ onHand: number; held: number; sold: number } | null> {
      const [row] = await rows<{ onHand: number; held: number; sold: number }>(
        'SELECT on_hand AS onHand, held, sold FROM stock WHERE product_id = ?',
        [productId],
      );
      return row ?? null;
    },

    /** Which of these products exist. */
    async knownProducts(productIds: readonly string[]): Promise<ReadonlySet<string>> {
      const found = await rows<{ id: string }>('SELECT id FROM products WHERE id IN (?)', [productIds]);
      return new Set(found.map((row) => row.id));
    },

    async cart(memberId: string): Promise<{ productId: string; quantity: number }[]> {
      return rows('SELECT product_id AS productId, quantity FROM cart_items WHERE member_id = ? ORDER BY product_id', [
        memberId,
      ]);
    },
  };
}

export type OrdersRepository = ReturnType<typeof createOrdersRepository>;
