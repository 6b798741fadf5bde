/** Units: adopting the hold, and letting the gate follow MariaDB afterwards. */
import { ApplicationFailure } from '@temporalio/common';
import type { SagaOrder } from '../domain/saga';
import type { ActivityDeps } from './deps';

export interface OfOrder {
  readonly orderId: string;
}

export function createStockActivities({ gate }: Pick<ActivityDeps, 'gate'>) {
  /** MariaDB's word decides what becomes of the hold; a gate that is away is asked again until it is back. */
  async function followLedger({ orderId }: OfOrder): Promise<'kept' | 'removed' | 'none'> {
    const outcome = await gate.syncHold(orderId);
    if (outcome === 'unavailable') throw ApplicationFailure.retryable('the gate is closed or away', 'GATE_UNAVAILABLE');
    return outcome;
  }

  return {
    /**
     * Do: adopts the hold of the accepted order, or takes it again where the gate lost it.
     * Idempotent by order id. `unavailable`: the gate is away, the saga goes on, for the ledger holds the units.
     * Usually below a millisecond.
     */
    reserveStock: async (order: SagaOrder): Promise<'adopted' | 'retaken' | 'unavailable'> =>
      gate.adopt({
        orderId: order.orderId,
        memberId: order.memberId,
        sequence: order.sequence,
        lines: order.lines.map(({ productId, quantity }) => ({ productId, quantity })),
      }),

    /** Undo: gives the units back to the gate once MariaDB shows the order ended. Harmless when nothing is held. */
    releaseStock: followLedger,

    /** After a sale: the hold has become a sale, and goes without giving anything back. */
    settleStock: followLedger,
  };
}
