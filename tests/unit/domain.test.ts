/**
 * Totals and transitions, written out by hand: ledger, audit and documents are all made from the tables in domain/, so a wrong
 * entry there would be everybody's mistake, and nobody's finding.
 */
import { orderName, totalOf } from '../../domain/money';
import { canMoveOrder, isOpen, isSettled, isUnsold, ORDER_STATUSES, type OrderStatus } from '../../domain/order';
import { canMovePayment, isPaymentActive, PAYMENT_STATUSES, type PaymentStatus } from '../../domain/payment';

/** All pairs of states between which a move is allowed, as `from → to`. */
const movesOf = <S extends string>(states: readonly S[], can: (from: S, to: S) => boolean): string[] =>
  states.flatMap((from) => states.filter((to) => can(from, to)).map((to) => `${from} → ${to}`)).sort();

test('When an order moves, then only along these ways, and a final state never moves', () => {
  expect(movesOf<OrderStatus>(ORDER_STATUSES, canMoveOrder)).toEqual([
    'CONFIRMED → REFUNDING',
    'PENDING_PAYMENT → CANCELLED',
    'PENDING_PAYMENT → CONFIRMED',
    'PENDING_PAYMENT → EXPIRED',
    'PENDING_PAYMENT → PAYMENT_FAILED',
    'QUEUED → CANCELLED',
    'QUEUED → PENDING_PAYMENT',
    'QUEUED → REJECTED',
    'REFUNDING → REFUNDED',
  ]);
});

test('When a payment moves, then only along these ways: UNKNOWN becomes known, and found money only goes back', () => {
  expect(movesOf<PaymentStatus>(PAYMENT_STATUSES, canMovePayment)).toEqual([
    'CONFIRMING → DONE',
    'CONFIRMING → FAILED',
    'CONFIRMING → UNKNOWN',
    'DONE → REFUNDING',
    'EXPIRED → REFUNDING',
    'FAILED → REFUNDING',
    'READY → CONFIRMING',
    'READY → EXPIRED',
    'REFUNDING → REFUNDED',
    'UNKNOWN → DONE',
    'UNKNOWN → FAILED',
  ]);
});

test('When units are held, free or sold, and when a stream ends, then by these states', () => {
  expect(ORDER_STATUSES.filter(isOpen)).toEqual(['QUEUED', 'PENDING_PAYMENT']);
  expect(ORDER_STATUSES.filter(isUnsold)).toEqual(['REJECTED', 'CANCELLED', 'EXPIRED', 'PAYMENT_FAILED']);
  expect(ORDER_STATUSES.filter((status) => !isSettled(status))).toEqual(['QUEUED', 'PENDING_PAYMENT', 'REFUNDING']);
  expect(PAYMENT_STATUSES.filter(isPaymentActive)).toEqual(['CONFIRMING', 'UNKNOWN']);
});

test('When lines are summed, then each counts its quantity times its price; nothing is nothing', () => {
  const lines = [
    { quantity: 2, unitPrice: 39_000 },
    { quantity: 3, unitPrice: 12_000 },
    { quantity: 1, unitPrice: 1 },
  ];
  expect(totalOf(lines)).toBe(114_001);
  expect(totalOf([])).toBe(0);
  // The dearest order there can be is exact.
  const most = Array.from({ length: 100 }, () => ({ quantity: 1_000, unitPrice: 100_000_000 }));
  expect(totalOf(most)).toBe(10_000_000_000_000);
});

test('When the widget names an order, then by its first product and how many more there are', () => {
  expect([orderName(['Shoe']), orderName(['Shoe', 'Bag', 'Mug']), orderName([])]).toEqual([
    'Shoe',
    'Shoe and 2 more',
    '',
  ]);
});
