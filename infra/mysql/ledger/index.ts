/**
 * Puts the ledger together: each write in a transaction of its own, each read by itself. The three steps that every
 * checkout takes share their commits.
 */
import type { DataSource } from 'typeorm';
import { gather } from '../gather';
import { inTransaction, sqlOf } from '../transaction';
import { createAcceptanceLedger } from './acceptance';
import { createClaimLedger } from './claims';
import { endOrder } from './ending';
import { openOrder, openOrders } from './opening';
import { beginPayment, beginPayments, markUnknown, recordCapture, recordCaptures, recordDecline } from './payment';
import { holdVerdicts, readSaga } from './reading';
import {
  claimBuyerRefund,
  claimLateMoney,
  readOpenRefunds,
  readRefund,
  recordRefund,
  recordRefundRefusal,
} from './refunds';
import { shareCommits, type TogetherOptions } from './together';
import type { Ledger, OwnedOrder, RefundLedger, SagaLedger } from './types';
import { readAdjustments } from './units';

export { type Acceptor, createAcceptor } from './acceptor';
export type * from './types';
export { addStock } from './units';

export interface LedgerOptions {
  /** A step that shares commits has failed for so many orders at once; each of them goes by itself now. */
  readonly onApart?: (fact: { readonly step: string; readonly orders: number; readonly error: unknown }) => void;
}

function createSagaLedger(source: DataSource, { onApart }: LedgerOptions): SagaLedger {
  const sql = sqlOf(source);
  const shared = <I extends OwnedOrder, O>(step: string, does: TogetherOptions<I, O>): ((input: I) => Promise<O>) =>
    shareCommits(source, { ...does, onApart: (error, orders) => onApart?.({ step, orders, error }) });
  return {
    readSaga: (orderId) => readSaga(sql, orderId),
    holdVerdict: gather((orderIds) => holdVerdicts(sql, orderIds)),
    openOrder: shared('openOrder', { together: openOrders, alone: openOrder }),
    beginPayment: shared('beginPayment', { together: beginPayments, alone: beginPayment }),
    markUnknown: (input) => inTransaction(source, (tx) => markUnknown(tx, input)),
    recordCapture: shared('recordCapture', { together: recordCaptures, alone: recordCapture }),
    recordDecline: (input) => inTransaction(source, (tx) => recordDecline(tx, input)),
    endOrder: (input) => inTransaction(source, (tx) => endOrder(tx, input)),
    readRefund: (paymentId) => readRefund(sql, paymentId),
    recordRefund: (input) => inTransaction(source, (tx) => recordRefund(tx, input)),
  };
}

function createRefundLedger(source: DataSource): RefundLedger {
  const sql = sqlOf(source);
  return {
    claimBuyerRefund: (input, within) => inTransaction(source, (tx) => claimBuyerRefund(tx, input, within)),
    claimLateMoney: (input) => inTransaction(source, (tx) => claimLateMoney(tx, input)),
    readOpenRefunds: (page) => readOpenRefunds(sql, page),
    recordRefundRefusal: (input) => inTransaction(source, (tx) => recordRefundRefusal(tx, input)),
  };
}

/** @param source connected; its pool bounds how many transactions run side by side */
export function createLedger(source: DataSource, options: LedgerOptions = {}): Ledger {
  const sql = sqlOf(source);
  return {
    ...createSagaLedger(source, options),
    ...createAcceptanceLedger(source),
    ...createClaimLedger(source),
    ...createRefundLedger(source),
    readAdjustments: (productId, afterN) => readAdjustments(sql, productId, afterN),
  };
}
