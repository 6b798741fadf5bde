/** Money as MariaDB shows it: payments that captured something, and the orders they belong to. */
import type { Sql } from '../infra/mysql/transaction';

export interface AuditedPayment {
  readonly paymentId: string;
  readonly orderId: string;
  readonly paymentKey: string | null;
  readonly status: string;
  readonly amount: number;
  readonly capturedAmount: number | null;
  readonly orderStatus: string;
  readonly orderAmount: number;
}

export async function readPayments(sql: Sql): Promise<AuditedPayment[]> {
  const rows = await sql.rows<AuditedPayment>(
    `SELECT p.id AS paymentId, p.order_id AS orderId, p.payment_key AS paymentKey, p.status, p.amount,
       p.captured_amount AS capturedAmount, o.status AS orderStatus, o.amount AS orderAmount
     FROM payments p JOIN orders o ON o.id = p.order_id`,
  );
  return rows.map((row) => ({
    ...row,
    amount: Number(row.amount),
    orderAmount: Number(row.orderAmount),
    capturedAmount: row.capturedAmount === null ? null : Number(row.capturedAmount),
  }));
}

export const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
