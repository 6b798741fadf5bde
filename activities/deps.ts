/** What activities need of the world, handed in by the worker. Types only: nothing here connects to anything. */

import type { Provider } from '../domain/provider';
import type { CheckoutSettings, RefundStart, SagaOrder } from '../domain/saga';
import type { ClaimLedger, RefundLedger, SagaLedger } from '../infra/mysql/ledger/types';
import type { Gate } from '../infra/redis/gate-types';

/** The engine as activities use it: starting sagas, and asking whether one lives. */
export interface Engine {
  startCheckout(start: {
    readonly owner: string;
    readonly orders: readonly SagaOrder[];
    readonly settings: CheckoutSettings;
    readonly resumed: boolean;
  }): Promise<unknown>;
  startRefund(refund: RefundStart): Promise<unknown>;
  readLife(workflowId: string): Promise<'running' | 'closed' | 'missing'>;
}

export interface ActivityDeps {
  readonly ledger: SagaLedger &
    Pick<RefundLedger, 'claimLateMoney' | 'readOpenRefunds' | 'recordRefundRefusal'> &
    Pick<ClaimLedger, 'readOwners' | 'takeOver'>;
  readonly gate: Pick<Gate, 'adopt' | 'syncHold' | 'applyAdjustment'>;
  readonly provider: Provider;
  readonly engine: Engine;
  /** of the sagas that the sweeper starts */
  readonly settings: CheckoutSettings;
  /** wakes those who follow an order, after a commit; never throws, may be lost */
  readonly tellNews: (orderId: string) => void;
}
