/** The order's own states in MariaDB: opening it for payment, and ending it unsold. */
import type { OrderReason, UnsoldStatus } from '../domain/order';
import type { EndOutcome, OpenOutcome, OwnedOrder, SagaState } from '../infra/mysql/ledger/types';
import type { ActivityDeps } from './deps';
import type { OfOrder } from './stock';

export function createOrderActivities({ ledger, tellNews }: Pick<ActivityDeps, 'ledger' | 'tellNews'>) {
  return {
    /** What MariaDB shows of the order, for a saga that takes it over. */
    readOrder: ({ orderId }: OfOrder): Promise<SagaState | null> => ledger.readSaga(orderId),

    /**
     * Do: QUEUED → PENDING_PAYMENT with lines, READY payment, deadline and outbox, in one commit.
     * Idempotent by order id: a repeat answers the stored deadline. A few milliseconds.
     */
    createOrder: async (input: OwnedOrder & { readonly holdMs: number }): Promise<OpenOutcome> => {
      const outcome = await ledger.openOrder(input);
      tellNews(input.orderId);
      return outcome;
    },

    /**
     * Undo: the order ends unsold, units and limits are free, all in one commit.
     * Idempotent by order id; changes nothing when the order is elsewhere or a payment is being asked about.
     */
    endOrder: async (
      input: OwnedOrder & { readonly status: UnsoldStatus; readonly reason: OrderReason },
    ): Promise<EndOutcome> => {
      const outcome = await ledger.endOrder(input);
      tellNews(input.orderId);
      return outcome;
    },
  };
}
