/** The end without a sale: status, READY payment, limits and units in one commit. The undo of acceptance and opening. */

import type { EventType } from '../../../domain/events/event';
import { canMoveOrder, type OrderReason, type UnsoldStatus } from '../../../domain/order';
import type { Sql } from '../transaction';
import { emit, lockOrder, moveOrder } from './orders';
import { lockPayments, movePayment } from './payments';
import type { EndOutcome, OwnedOrder } from './types';
import { releaseLimits, releaseUnits } from './units';

const eventOf = (status: UnsoldStatus): EventType => (status === 'EXPIRED' ? 'order.expired' : 'order.cancelled');

export async function endOrder(
  tx: Sql,
  input: OwnedOrder & { status: UnsoldStatus; reason: OrderReason },
): Promise<EndOutcome> {
  const order = await lockOrder(tx, input.orderId);
  if (order?.owner !== input.owner) return { kind: 'disowned' };
  if (order.status === input.status) return { kind: 'ended', status: input.status };
  if (!canMoveOrder(order.status, input.status)) return { kind: 'elsewhere', status: order.status };
  if (order.activePayment !== null) return { kind: 'busy' };

  const ready = (await lockPayments(tx, order.orderId)).filter((each) => each.status === 'READY');
  for (const payment of ready) await movePayment(tx, payment, { status: 'EXPIRED', reason: input.reason });
  const ended = await moveOrder(tx, order, input);
  await releaseLimits(tx, [ended]);
  for (const { paymentId } of ready) await emit(tx, ended, { type: 'payment.expired', paymentId });
  await emit(tx, ended, { type: eventOf(input.status), reason: input.reason });
  await releaseUnits(tx, [ended]);
  return { kind: 'ended', status: input.status };
}
