/**
 * Payments for the buyer's eyes, and the READY payment a buyer may ask for before confirming.
 * The saga moves payments on; nothing here does.
 */
import type { DataSource } from 'typeorm';
import { createId } from '../../../domain/ids';
import { isOpen, type OrderStatus } from '../../../domain/order';
import { isPaymentActive, type PaymentStatus } from '../../../domain/payment';
import { gather, groupBy } from '../gather';
import { lockOrder } from '../ledger/orders';
import { insertPayments, lockPayments } from '../ledger/payments';
import { inTransaction, type Sql, sqlOf } from '../transaction';

export interface PaymentView {
  readonly paymentId: string;
  readonly orderId: string;
  readonly status: PaymentStatus;
  /** won */
  readonly amount: number;
  readonly approvedAt: Date | null;
  readonly failureCode: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a confirm must know of its order; one row, read again and again while it waits. */
export interface PayableOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly status: OrderStatus;
  /** won */
  readonly amount: number;
  readonly owner: string | null;
  /** the payment whose outcome is being asked for */
  readonly activePayment: string | null;
  /** the owner's workflow is known to have started */
  readonly isDispatched: boolean;
  /** its buyer is known to be paying: it stands at the head of the line */
  readonly isPaying: boolean;
}

/** What became of one payment key. */
export interface KeyStory {
  readonly payment: PaymentView;
  readonly orderStatus: OrderStatus;
  /** payments of the order that were declined */
  readonly declines: number;
}

export interface PaymentPage {
  readonly memberId: string;
  readonly status?: PaymentStatus | undefined;
  readonly limit: number;
  /** payment id of the last item of the page before */
  readonly before?: string | undefined;
}

export type ReadyOutcome =
  | { readonly kind: 'found' | 'made'; readonly paymentId: string }
  /** its saga has not opened it yet: there is nothing to pay */
  | { readonly kind: 'queued' }
  | { readonly kind: 'notPayable' }
  | { readonly kind: 'notFound' };

const COLUMNS = `p.id AS paymentId, p.order_id AS orderId, p.status, p.amount, p.approved_at AS approvedAt,
  p.failure_code AS failureCode, p.created_at AS createdAt, p.updated_at AS updatedAt`;

/** The order's payment that is READY or being confirmed; when there is none, and the order is open, a new READY one. */
async function readyPayment(tx: Sql, orderId: string, memberId: string): Promise<ReadyOutcome> {
  const order = await lockOrder(tx, orderId);
  if (order?.memberId !== memberId) return { kind: 'notFound' };
  if (order.status === 'QUEUED') return { kind: 'queued' };
  if (!isOpen(order.status)) return { kind: 'notPayable' };
  const payments = await lockPayments(tx, orderId);
  const current = payments.find((each) => each.status === 'READY' || isPaymentActive(each.status));
  if (current) return { kind: 'found', paymentId: current.paymentId };
  const paymentId = createId('pay');
  await insertPayments(tx, [{ order, paymentId, paymentKey: null, status: 'READY', capturedAmount: null }]);
  return { kind: 'made', paymentId };
}

export function createPaymentsRepository(source: DataSource) {
  const sql = sqlOf(source);
  const payableOrder = gather<OfMember, PayableOrder | null>(async (asked) => {
    const orders = await payableOrders(sql, [...new Set(asked.map(({ orderId }) => orderId))]);
    const byId = new Map(orders.map((order) => [order.orderId, order]));
    return asked.map(({ orderId, memberId }) => {
      const order = byId.get(orderId);
      return order?.memberId === memberId ? order : null;
    });
  });
  const keyStory = gather<KeyOfOrder, KeyStory | null>(async (asked) => {
    const rows = await sql.rows<StoryRow>(
      `SELECT ${COLUMNS}, p.payment_key AS paymentKey, o.status AS orderStatus
       FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.order_id IN (?)`,
      [[...new Set(asked.map(({ orderId }) => orderId))]],
    );
    const byOrder = groupBy(rows, ({ orderId }) => orderId);
    return asked.map(({ orderId, paymentKey }) => tellStory(byOrder.get(orderId) ?? [], paymentKey));
  });
  return {
    readyPayment: (orderId: string, memberId: string): Promise<ReadyOutcome> =>
      inTransaction(source, (tx) => readyPayment(tx, orderId, memberId)),

    async find(paymentId: string, memberId: string): Promise<PaymentView | null> {
      const [row] = await sql.rows<PaymentView>(
        `SELECT ${COLUMNS} FROM payments p WHERE p.id = ? AND p.member_id = ?`,
        [paymentId, memberId],
      );
      return row ?? null;
    },

    /** Newest first: ids sort by birth. */
    page({ memberId, status, before, limit }: PaymentPage): Promise<readonly PaymentView[]> {
      const wheres = ['p.member_id = ?', ...(status ? ['p.status = ?'] : []), ...(before ? ['p.id < ?'] : [])];
      return sql.rows<PaymentView>(
        `SELECT ${COLUMNS} FROM payments p WHERE ${wheres.join(' AND ')} ORDER BY p.id DESC LIMIT ?`,
        [memberId, ...(status ? [status] : []), ...(before ? [before] : []), limit],
      );
    },

    /** The order as a payer sees it; null when it is not this member's. */
    payableOrder: (orderId: string, memberId: string): Promise<PayableOrder | null> =>
      payableOrder({ orderId, memberId }),

    /** The same for several at once, whoever owns them: one query for all who wait. */
    payableOrders: (orderIds: readonly string[]): Promise<readonly PayableOrder[]> => payableOrders(sql, orderIds),

    keyStory: (orderId: string, paymentKey: string): Promise<KeyStory | null> => keyStory({ orderId, paymentKey }),
  };
}

interface OfMember {
  readonly orderId: string;
  readonly memberId: string;
}
interface KeyOfOrder {
  readonly orderId: string;
  readonly paymentKey: string;
}
interface StoryRow extends PaymentView {
  readonly paymentKey: string | null;
  readonly orderStatus: OrderStatus;
}

/** @param rows all payments of the order */
function tellStory(rows: readonly StoryRow[], paymentKey: string): KeyStory | null {
  const own = rows.find((row) => row.paymentKey === paymentKey);
  if (!own) return null;
  const { orderStatus, paymentKey: _, ...payment } = own;
  return { payment, orderStatus, declines: rows.filter(({ status }) => status === 'FAILED').length };
}

async function payableOrders(sql: Sql, orderIds: readonly string[]): Promise<readonly PayableOrder[]> {
  if (orderIds.length === 0) return [];
  const rows = await sql.rows<
    Omit<PayableOrder, 'isDispatched' | 'isPaying'> & { dispatchedAt: Date | null; paying: number }
  >(
    `SELECT id AS orderId, member_id AS memberId, status, amount, owner, active_payment AS activePayment, dispatched_at AS dispatchedAt,
       paying
     FROM orders WHERE id IN (?)`,
    [orderIds],
  );
  return rows.map(({ dispatchedAt, paying, ...order }) => ({
    ...order,
    isDispatched: dispatchedAt !== null,
    isPaying: paying !== 0,
  }));
}

export type PaymentsRepository = ReturnType<typeof createPaymentsRepository>;
