/**
 * The ledger's rules for one test in memory: enough of the guards to test what sagas decide. The real ledger has its
 * own tests on MariaDB, and the sagas theirs against it.
 */

import type { ActivityDeps } from '../../../activities';
import type { OrderStatus } from '../../../domain/order';
import { isOpen } from '../../../domain/order';
import type { SagaOrder } from '../../../domain/saga';
import type { ActivePayment, Elsewhere, OwnedOrder, RefundClaim } from '../../../infra/mysql/ledger/types';

export interface MemoryPayment {
  readonly paymentId: string;
  readonly paymentKey: string;
  status: 'CONFIRMING' | 'UNKNOWN' | 'DONE' | 'FAILED' | 'REFUNDING' | 'REFUNDED';
  failureCode: string | null;
  amount: number;
}
export interface MemoryOrder extends SagaOrder {
  owner: string;
  epoch: number;
  status: OrderStatus;
  payBy: number | null;
  active: string | null;
  readonly payments: MemoryPayment[];
  /** every status it had */
  readonly history: OrderStatus[];
}

const DISOWNED = { kind: 'disowned' } as const;
const elsewhere = ({ status }: MemoryOrder): Elsewhere => ({ kind: 'elsewhere', status });

export interface MemoryLedger {
  readonly orders: Map<string, MemoryOrder>;
  readonly face: ActivityDeps['ledger'];
  add(order: SagaOrder, owner: string): MemoryOrder;
}

/** @param now epoch milliseconds, by the clock the workflows live by */
export function createMemoryLedger(now: () => Promise<number>): MemoryLedger {
  const orders = new Map<string, MemoryOrder>();
  const mine = ({ orderId, owner }: OwnedOrder): MemoryOrder | null => {
    const order = orders.get(orderId);
    return order?.owner === owner ? order : null;
  };
  const move = (order: MemoryOrder, status: OrderStatus): void => {
    order.status = status;
    order.history.push(status);
  };
  const paymentOf = (order: MemoryOrder, paymentId: string): MemoryPayment => {
    const payment = order.payments.find((each) => each.paymentId === paymentId);
    if (!payment) throw new Error(`no payment ${paymentId}`);
    return payment;
  };
  const declinesOf = (order: MemoryOrder): number => order.payments.filter((each) => each.status === 'FAILED').length;
  const activeOf = (order: MemoryOrder): ActivePayment | null =>
    order.active ? { ...paymentOf(order, order.active) } : null;
  const refundOf = (order: MemoryOrder, payment: MemoryPayment): RefundClaim => ({
    refundId: `rfd_${payment.paymentId}`,
    orderId: order.orderId,
    memberId: order.memberId,
    paymentId: payment.paymentId,
    paymentKey: payment.paymentKey,
    amount: payment.amount,
    reason: 'late money',
    kind: order.status === 'REFUNDING' ? 'BUYER' : 'LATE_MONEY',
    status: payment.status === 'REFUNDED' ? 'REFUNDED' : 'REFUNDING',
    refusals: 0,
  });
  const byPayment = (paymentId: string): [MemoryOrder, MemoryPayment] | null => {
    for (const order of orders.values()) {
      const payment = order.payments.find((each) => each.paymentId === paymentId);
      if (payment) return [order, payment];
    }
    return null;
  };

  const face: ActivityDeps['ledger'] = {
    readSaga: async (orderId) => {
      const order = orders.get(orderId);
      return order ? { ...order, declines: declinesOf(order), activePayment: activeOf(order) } : null;
    },
    holdVerdict: async (orderId) => {
      const order = orders.get(orderId);
      if (!order) return { kind: 'unknown' };
      if (isOpen(order.status)) return { kind: 'keep' };
      return { kind: order.status === 'CONFIRMED' ? 'sold' : 'free' };
    },
    openOrder: async ({ holdMs, ...who }) => {
      const order = mine(who);
      if (!order) return DISOWNED;
      if (order.status === 'QUEUED') {
        order.payBy = (await now()) + holdMs;
        move(order, 'PENDING_PAYMENT');
      }
      return order.status === 'PENDING_PAYMENT' ? { kind: 'opened', payBy: order.payBy ?? 0 } : elsewhere(order);
    },
    beginPayment: async ({ paymentKey, amount, attemptsMax, ...who }) => {
      const order = mine(who);
      if (!order) return DISOWNED;
      const same = order.payments.find((each) => each.paymentKey === paymentKey);
      if (same) {
        const { paymentId, status, failureCode } = same;
        const out = status === 'CONFIRMING' || status === 'UNKNOWN';
        return out ? { kind: 'begun', paymentId } : { kind: 'answered', paymentId, status, failureCode };
      }
      if (order.status !== 'PENDING_PAYMENT' || declinesOf(order) >= attemptsMax) return elsewhere(order);
      if (order.active) return { kind: 'busy' };
      const paymentId = `pay_${order.orderId}_${order.payments.length + 1}`;
      order.payments.push({ paymentId, paymentKey, amount, status: 'CONFIRMING', failureCode: null });
      order.active = paymentId;
      return { kind: 'begun', paymentId };
    },
    markUnknown: async ({ paymentId, ...who }) => {
      const order = mine(who);
      if (order) paymentOf(order, paymentId).status = 'UNKNOWN';
    },
    recordCapture: async ({ paymentId, approvedAt, amount, ...who }) => {
      const order = mine(who);
      if (!order) return DISOWNED;
      const payment = paymentOf(order, paymentId);
      if (payment.status === 'DONE') return { kind: 'confirmed', approvedAt };
      if (payment.status === 'REFUNDING') return { kind: 'mismatch' };
      if (order.active !== paymentId) return elsewhere(order);
      order.active = null;
      const matches = amount === order.amount;
      payment.status = matches ? 'DONE' : 'REFUNDING';
      payment.amount = amount;
      move(order, matches ? 'CONFIRMED' : 'PAYMENT_FAILED');
      return matches ? { kind: 'confirmed', approvedAt } : { kind: 'mismatch' };
    },
    recordDecline: async ({ paymentId, code, attemptsMax, ...who }) => {
      const order = mine(who);
      if (!order) return DISOWNED;
      const payment = paymentOf(order, paymentId);
      payment.status = 'FAILED';
      payment.failureCode = code;
      if (order.active === paymentId) order.active = null;
      return { kind: 'declined', attemptsLeft: Math.max(0, attemptsMax - declinesOf(order)) };
    },
    endOrder: async ({ status, ...who }) => {
      const order = mine(who);
      if (!order) return DISOWNED;
      if (order.active) return { kind: 'busy' };
      if (order.status === status) return { kind: 'ended', status };
      if (!isOpen(order.status)) return elsewhere(order);
      move(order, status);
      return { kind: 'ended', status };
    },
    readRefund: async (paymentId) => {
      const found = byPayment(paymentId);
      return found ? refundOf(...found) : null;
    },
    recordRefund: async ({ paymentId }) => {
      const [order, payment] = byPayment(paymentId) ?? [];
      if (!order || !payment || payment.status === 'REFUNDED') return { adjustments: [] };
      payment.status = 'REFUNDED';
      if (order.status !== 'REFUNDING') return { adjustments: [] };
      move(order, 'REFUNDED');
      return { adjustments: order.lines.map(({ productId, quantity }) => ({ productId, n: 1, delta: quantity })) };
    },
    recordRefundRefusal: async () => undefined,
    claimLateMoney: async ({ orderId, paymentKey }) => {
      const order = orders.get(orderId);
      const payment = order?.payments.find((each) => each.paymentKey === paymentKey);
      if (!order || !payment) return { kind: 'notFound' };
      if (payment.status === 'DONE') return { kind: 'wanted' };
      payment.status = 'REFUNDING';
      return { kind: 'claimed', refund: refundOf(order, payment) };
    },
    readOpenRefunds: async ({ after = '' }) =>
      [...orders.values()]
        .flatMap((order) =>
          order.payments.filter((each) => each.status === 'REFUNDING').map((each) => refundOf(order, each)),
        )
        .filter(({ paymentId }) => paymentId > after)
        .sort((a, b) => (a.paymentId < b.paymentId ? -1 : 1)),
    readOwners: async ({ after }) =>
      [...orders.values()]
        .filter((each) => isOpen(each.status) && each.owner > (after ?? ''))
        .sort((a, b) => (a.owner < b.owner ? -1 : 1))
        .map(({ owner, orderId, status, epoch }) => ({ owner, orders: [{ orderId, status, epoch }] })),
    takeOver: async ({ orderId, expectedOwner, newOwner, epoch }) => {
      const order = mine({ orderId, owner: expectedOwner });
      if (!order || !isOpen(order.status)) return false;
      order.owner = newOwner;
      order.epoch = epoch;
      return true;
    },
  };

  return {
    orders,
    face,
    add: (order, owner) => {
      const row: MemoryOrder = {
        ...order,
        owner,
        epoch: 0,
        status: 'QUEUED',
        payBy: null,
        active: null,
        payments: [],
        history: ['QUEUED'],
      };
      orders.set(order.orderId, row);
      return row;
    },
  };
}
