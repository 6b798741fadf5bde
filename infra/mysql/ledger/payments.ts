/** Payment rows: read under lock (the order is locked before), moved by guarded statements, every step noted. */
import { canMovePayment, type PaymentStatus } from '../../../domain/payment';
import { insertRows, type Sql } from '../transaction';
import { assertAffected, caseOf, type OrderRow } from './orders';

export interface PaymentRow {
  readonly orderId: string;
  readonly paymentId: string;
  readonly paymentKey: string | null;
  readonly status: PaymentStatus;
  readonly amount: number;
  readonly failureCode: string | null;
  readonly approvedAt: Date | null;
}

const COLUMNS = `order_id AS orderId, id AS paymentId, payment_key AS paymentKey, status, amount, failure_code AS failureCode,
  approved_at AS approvedAt`;

/** All payments of orders whose rows this transaction has locked; per order oldest first. */
export async function lockPaymentsOf(tx: Sql, orderIds: readonly string[]): Promise<readonly PaymentRow[]> {
  if (orderIds.length === 0) return [];
  return tx.rows<PaymentRow>(
    `SELECT ${COLUMNS} FROM payments FORCE INDEX (uq_payments_key) WHERE order_id IN (?)
     ORDER BY order_id, id FOR UPDATE`,
    [orderIds],
  );
}

export const lockPayments = (tx: Sql, orderId: string): Promise<readonly PaymentRow[]> => lockPaymentsOf(tx, [orderId]);

/** A payment row to be written, with the first line of its history. */
export interface NewPayment {
  readonly order: OrderRow;
  readonly paymentId: string;
  readonly paymentKey: string | null;
  readonly status: PaymentStatus;
  readonly capturedAmount: number | null;
  readonly reason?: string;
}

export async function insertPayments(tx: Sql, payments: readonly NewPayment[]): Promise<void> {
  const into =
    'payments (id, order_id, member_id, payment_key, status, amount, captured_amount, created_at, updated_at)';
  await insertRows(tx, into, {
    row: '(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))',
    rows: payments.map(({ order, paymentId, paymentKey, status, capturedAmount }) => [
      ...[paymentId, order.orderId, order.memberId, paymentKey, status],
      ...[order.amount, capturedAmount],
    ]),
  });
  await notePayments(tx, payments);
}

interface PaymentNote {
  readonly paymentId: string;
  readonly status: PaymentStatus;
  readonly reason?: string;
}

async function notePayments(tx: Sql, notes: readonly PaymentNote[]): Promise<void> {
  await insertRows(tx, 'payment_history (payment_id, status, reason, at)', {
    row: '(?, ?, ?, UTC_TIMESTAMP(3))',
    rows: notes.map(({ paymentId, status, reason }) => [paymentId, status, reason?.slice(0, 120) ?? null]),
  });
}

/** What a move may set beside the status. Columns are named here and nowhere else, so none comes from outside. */
export interface PaymentChange {
  readonly paymentKey?: string;
  readonly failureCode?: string;
  readonly capturedAmount?: number;
  readonly method?: string | null;
  readonly approvedAt?: Date;
}

const COLUMN_OF: Readonly<Record<keyof PaymentChange, string>> = {
  paymentKey: 'payment_key',
  failureCode: 'failure_code',
  capturedAmount: 'captured_amount',
  method: 'method',
  approvedAt: 'approved_at',
};

/** What becomes of locked payments of one status. */
export interface PaymentMoves {
  readonly from: PaymentStatus;
  readonly status: PaymentStatus;
  readonly reason?: string;
  /** all with the same fields */
  readonly changes: readonly { readonly paymentId: string; readonly change: PaymentChange }[];
}

/**
 * Moves locked payments, guarded by their old status, and notes it.
 * @throws when it is no move a payment may make, which would be a bug of the caller
 */
export async function movePayments(tx: Sql, { from, status, reason, changes }: PaymentMoves): Promise<void> {
  if (!canMovePayment(from, status)) throw new Error(`ledger: ${from} → ${status} is no move`);
  const ids = changes.map(({ paymentId }) => paymentId);
  const fields = (Object.keys(COLUMN_OF) as (keyof PaymentChange)[]).filter((field) =>
    changes.some(({ change }) => change[field] !== undefined),
  );
  const sets = fields.map((field) => {
    const each = caseOf(changes.map(({ paymentId, change }) => [paymentId, change[field] ?? null]));
    return { sql: `${COLUMN_OF[field]} = ${each.sql}, `, values: each.values };
  });
  const affected = await tx.change(
    `UPDATE payments FORCE INDEX (PRIMARY) SET status = ?, ${sets.map(({ sql }) => sql).join('')}
       updated_at = UTC_TIMESTAMP(3) WHERE id IN (?) AND status = ?`,
    [status, ...sets.flatMap(({ values }) => values), ids, from],
  );
  assertAffected(affected, ids.length, `${ids[0]} …: ${from} → ${status}`);
  await notePayments(
    tx,
    ids.map((paymentId) => ({ paymentId, status, ...(reason ? { reason } : {}) })),
  );
}

export const movePayment = (
  tx: Sql,
  payment: Pick<PaymentRow, 'paymentId' | 'status'>,
  to: { readonly status: PaymentStatus; readonly reason?: string; readonly change?: PaymentChange },
): Promise<void> => {
  const { change = {}, ...rest } = to;
  return movePayments(tx, { ...rest, from: payment.status, changes: [{ paymentId: payment.paymentId, change }] });
};
