/**
 * I7: every move of an order and of a payment is a legal one, the newest history entry is its state, and no order is open
 * beyond its deadline. Payments whose outcome is not known are counted: how long that takes is the provider's.
 */
import { canMoveOrder, type OrderStatus } from '../domain/order';
import { canMovePayment, type PaymentStatus } from '../domain/payment';
import type { Sql } from '../infra/mysql/transaction';
import type { Check, Offender } from './audit';

/** After the deadline the saga ends the order; after this long it should have. */
const GRACE_S = 60;

interface HistoryRow<S> {
  readonly id: string;
  readonly status: S;
}
interface Rules<S> {
  /** how the id is called among the offenders */
  readonly idName: 'orderId' | 'paymentId';
  readonly first: readonly S[];
  readonly canMove: (from: S, to: S) => boolean;
}
const ORDERS: Rules<OrderStatus> = { idName: 'orderId', first: ['QUEUED'], canMove: canMoveOrder };
/** READY with its order, CONFIRMING for a further key, FAILED for money found under a key we never had. */
const PAYMENTS: Rules<PaymentStatus> = {
  idName: 'paymentId',
  first: ['READY', 'CONFIRMING', 'FAILED'],
  canMove: canMovePayment,
};

function illegalMoves<S extends string>(
  rows: readonly HistoryRow<S>[],
  { idName, first, canMove }: Rules<S>,
): Offender[] {
  const last = new Map<string, S>();
  const offenders: Offender[] = [];
  for (const { id, status } of rows) {
    const from = last.get(id);
    const isLegal = from === undefined ? first.includes(status) : canMove(from, status);
    if (!isLegal) offenders.push({ [idName]: id, from: from ?? 'nothing', to: status });
    last.set(id, status);
  }
  return offenders;
}

const newestOf = <S>(rows: readonly HistoryRow<S>[]): ReadonlyMap<string, S> =>
  new Map(rows.map(({ id, status }) => [id, status]));

async function checkPayments(sql: Sql): Promise<{ readonly unknown: number; readonly offenders: readonly Offender[] }> {
  const history = await sql.rows<HistoryRow<PaymentStatus>>(
    'SELECT payment_id AS id, status FROM payment_history ORDER BY payment_history.id',
  );
  const newest = newestOf(history);
  const payments = await sql.rows<HistoryRow<PaymentStatus>>('SELECT id, status FROM payments');
  const offenders = illegalMoves(history, PAYMENTS);
  for (const { id, status } of payments) {
    if (newest.get(id) !== status) offenders.push({ paymentId: id, status, history: newest.get(id) ?? 'none' });
  }
  return { unknown: payments.filter(({ status }) => status === 'UNKNOWN').length, offenders };
}

export const ordersEndLegally: Check = {
  name: 'I7 orders end, by legal moves',
  isExact: () => true,
  async run({ sql }) {
    const history = await sql.rows<HistoryRow<OrderStatus>>(
      'SELECT order_id AS id, status FROM order_history ORDER BY order_history.id',
    );
    const newest = newestOf(history);
    const payments = await checkPayments(sql);
    const orders = await sql.rows<{ orderId: string; status: OrderStatus; late: number | string | null }>(
      `SELECT id AS orderId, status,
         status = 'PENDING_PAYMENT' AND active_payment IS NULL
           AND pay_by < UTC_TIMESTAMP(3) - INTERVAL ${GRACE_S} SECOND AS late FROM orders`,
    );
    const offenders = [...illegalMoves(history, ORDERS), ...payments.offenders];
    for (const { orderId, status, late } of orders) {
      if (newest.get(orderId) !== status) offenders.push({ orderId, status, history: newest.get(orderId) ?? 'none' });
      if (Number(late ?? 0) === 1) offenders.push({ orderId, status, what: 'open beyond its deadline' });
    }
    const open = orders.filter(({ status }) => status === 'QUEUED' || status === 'PENDING_PAYMENT').length;
    return { counts: { orders: orders.length, open, unknownPayments: payments.unknown }, offenders };
  },
};
