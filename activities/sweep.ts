/**
 * The net under everything: open orders whose owner has ended or is not known get a new one, and refunds whose
 * workflow is missing get it again. Owners are asked for by id, one by one; visibility lags, and decides nothing.
 */
import { heartbeat } from '@temporalio/activity';
import { refundWorkflowId, resumedWorkflowId } from '../domain/names';
import { isOpen } from '../domain/order';
import type { OwnerOfOpen } from '../infra/mysql/ledger/types';
import type { ActivityDeps } from './deps';

/** An order that changed a moment ago has an owner at work; its start may also still be under way. */
const QUIET_MS = 10_000;
const PAGE = 500;
/** describes under way: about 2 ms each for the engine, which has sagas to run meanwhile */
const AT_ONCE = 4;

async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export function createSweepActivities({ ledger, engine, settings }: ActivityDeps) {
  type OpenOrder = OwnerOfOpen['orders'][number];

  /** Compare-and-set of the owner, then the start: a crash between them leaves an owner that is missing, for the next round. */
  async function resume(expectedOwner: string, { orderId, epoch }: OpenOrder): Promise<boolean> {
    const state = await ledger.readSaga(orderId);
    if (!state || !isOpen(state.status) || state.owner !== expectedOwner) return false;
    const newOwner = resumedWorkflowId(orderId, epoch + 1);
    if (!(await ledger.takeOver({ orderId, expectedOwner, newOwner, epoch: epoch + 1 }))) return false;
    const { memberId, sequence, amount, lines } = state;
    const order = { orderId, memberId, sequence, amount, lines };
    await engine.startCheckout({ owner: newOwner, orders: [order], settings, resumed: true });
    return true;
  }

  return {
    /** Idempotent; any number of sweepers. Answers how many orders were given to a new owner. */
    sweepOrders: async (): Promise<number> => {
      let resumed = 0;
      let after: string | undefined;
      for (;;) {
        const owners = await ledger.readOwners({ quietForMs: QUIET_MS, after, limit: PAGE });
        await inTurns(owners, async ({ owner, orders }) => {
          heartbeat(resumed);
          if ((await engine.readLife(owner)) === 'running') return;
          for (const order of orders) if (await resume(owner, order)) resumed += 1;
        });
        after = owners.at(-1)?.owner;
        if (after === undefined) return resumed;
      }
    },

    /** A refund that failed (the provider refused) is left alone: a person has to look. */
    sweepRefunds: async (): Promise<number> => {
      let started = 0;
      for (const { paymentId } of await ledger.readOpenRefunds({ quietForMs: QUIET_MS, limit: PAGE })) {
        heartbeat(started);
        if ((await engine.readLife(refundWorkflowId(paymentId))) === 'running') continue;
        if ((await engine.startRefund(paymentId)) === 'started') started += 1;
      }
      return started;
    },
  };
}
