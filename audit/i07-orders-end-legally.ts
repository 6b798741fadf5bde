/** I7: every move of an order is a legal one, the newest history entry is its state, and none is open beyond its deadline. */
import { canMoveOrder, type OrderStatus } from '../domain/order';
import type { Check, Offender } from './audit';

/** After the deadline the saga ends the order; after this long it should have. */
const GRACE_S = 60;

interface HistoryRow {
  readonly orderId: string;
  readonly status: OrderStatus;
}

function illegalMoves(rows: readonly HistoryRow[]): Offender[] {
  const last = new Map<string, OrderStatus>();
  const offenders: Offender[] = [];
  for (const { orderId, status } of rows) {
    const from = last.get(orderId);
    const isLegal = from === undefined ? status === 'QUEUED' : canMoveOrder(from, status);
    if (!isLegal) offenders.push({ orderId, from: from ?? 'nothing', to: status });
    last.set(orderId, status);
  }
  return offenders;
}

export const ordersEndLegally: Check = {
  name: 'I7 orders end, by legal moves',
  async run({ sql }) {
    const history = await sql.rows<HistoryRow>('SELECT order_id AS orderId, status FROM order_history ORDER BY id');
    const newest = new Map(history.map(({ orderId, status }) => [orderId, status]));
    const orders = await sql.rows<{ orderId: string; status: OrderStatus; late: number | string | null }>(
      `SELECT id AS orderId, status,
         status = 'PENDING_PAYMENT' AND active_payment IS NULL
           AND pay_by < UTC_TIMESTAMP(3) - INTERVAL ${GRACE_S} SECOND AS late FROM orders`,
    );
    const offenders = illegalMoves(history);
    for (const { orderId, status, late } of orders) {
      if (newest.get(orderId) !== status) offenders.push({ orderId, status, history: newest.get(orderId) ?? 'none' });
      if (Number(late ?? 0) === 1) offenders.push({ orderId, status, what: 'open beyond its deadline' });
    }
    const open = orders.filter(({ status }) => status === 'QUEUED' || status === 'PENDING_PAYMENT').length;
    return { counts: { orders: orders.length, open }, offenders };
  },
};
