/** Payment rows: read under lock (the order is locked before), moved by guarded statements, every step noted. */
import { canMovePayment, type PaymentStatus } from '../../../domain/payment';
import type { Sql } from '../transaction';
import { assertOne, type OrderRow } from './orders';

export interface PaymentRow {
  readonly paymentId: string;
  readonly paymentKey: string | null;
  readonly status: PaymentStatus;
  readonly amount: number;
  readonly failureCode: string | null;
  readonly approvedAt: Date | null;
}

const COLUMNS = `id AS paymentId, payment_key AS paymentKey, status, amount, failure_code AS failureCode,
  approved_at AS approvedAt`;

/** All payments of an order whose row this transaction has locked; oldest first. */
export async function lockPayments(tx: Sql, orderId: string): Promise<readonly PaymentRow[]> {
  return tx.rows<PaymentRow>(
    `SELECT ${COLUMNS} FROM payments FORCE INDEX (uq_payments_key) WHERE order_id = ? ORDER BY id FOR UPDATE`,
    [orderId],
  );
}

export async function insertPayment(
  tx: Sql,
  order: OrderRow,
  payment: {
    readonly paymentId: string;
    readonly paymentKey: string | null;
    readonly status: PaymentStatus;
    readonly capturedAmount: number | null;
  },
): Promise<void> {
  await tx.change(
    `INSERT INTO payments (id, order_id, member_id, payment_key, status, amount, captured_amount, created_at, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [
      payment.paymentId,
      order.orderId,
      order.memberId,
      payment.paymentKey,
      payment.status,
      order.amount,
      payment.capturedAmount,
    ],
  );
}

export async function notePayment(tx: Sql, paymentId: string, status: PaymentStatus, reason?: string): Promise<void> {
  await tx.change('INSERT INTO payment_history (payment_id, status, reason, at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))', [
    paymentId,
    status,
    reason?.slice(0, 120) ?? null,
  ]);
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

/**
 * Moves a locked payment, guarded by its old status, and notes it.
 * @throws when it is no move a payment may make, which would be a bug of the caller
 */
export async function movePayment(
  tx: Sql,
  payment: Pick<PaymentRow, 'paymentId' | 'status'>,
  to: { readonly status: PaymentStatus; readonly reason?: string; readonly change?: PaymentChange },
): Promise<void> {
  if (!canMovePayment(payment.status, to.status))
    throw new Error(`ledger: ${payment.status} → ${to.status} is no move`);
  const { change = {} } = to;
  const fields = (Object.keys(COLUMN_OF) as (keyof PaymentChange)[]).filter((field) => change[field] !== undefined);
  const affected = await tx.change(
    `UPDATE payments SET status = ?, ${fields.map((field) => `${COLUMN_OF[field]} = ?, `).join('')}
       updated_at = UTC_TIMESTAMP(3) WHERE id = ? AND status = ?`,
    [to.status, ...fields.map((field) => change[field] ?? null), payment.paymentId, payment.status],
  );
  assertOne(affected, `${payment.paymentId}: ${payment.status} → ${to.status}`);
  await notePayment(tx, payment.paymentId, to.status, to.reason);
}
