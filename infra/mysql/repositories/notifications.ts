/** Messages to members, written by the consumer of that name in the transaction that remembers their events. */
import { createId } from '../../../domain/ids';
import type { Sql } from '../transaction';

export interface NewNotification {
  readonly memberId: string;
  /** at most one message per event */
  readonly eventId: string;
  /** the type of the event */
  readonly kind: string;
  readonly orderId: string;
  readonly text: string;
}

export async function insertNotifications(tx: Sql, notifications: readonly NewNotification[]): Promise<void> {
  if (notifications.length === 0) return;
  const now = new Date();
  await tx.change('INSERT INTO notifications (id, member_id, event_id, kind, order_id, text, created_at) VALUES ?', [
    notifications.map(({ memberId, eventId, kind, orderId, text }) => [
      createId('ntf'),
      memberId,
      eventId,
      kind,
      orderId,
      text,
      now,
    ]),
  ]);
}
