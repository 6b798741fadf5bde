/**
 * The net under everything: open orders whose owner has ended or is not known get a new one, and refunds whose
 * workflow is missing get it again. Owners are asked for by id, one by one; visibility lags, and decides nothing.
 */
import { heartbeat } from '@temporalio/activity';
import { refundWorkflowId, resumedWorkflowId } from '../domain/names';
import { isOpen } from '../domain/order';
import type { OwnerOfOpen, RefundClaim } from '../infra/mysql/ledger/types';
import type { ActivityDeps } from './deps';

/** An order that changed a moment ago has an owner at work; its start may also still be under way. */
const QUIET_MS = 10_000;
const PAGE = 500;
/** describes under way: about 2 ms each for the engine, which has sagas to run meanwhile */
const AT_ONCE = 4;

/** Acts on all of them, whatever becomes of some: one order that cannot be helped must not stand before the others. */
async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<void>, failures: unknown[]): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await act(item).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The round is over: it is shown as failed, and the next one tries again. */
function assertNone(failures: readonly unknown[]): void {
  if (failures.length > 0) throw new Error(`${failures.length} could not be swept`, { cause: failures[0] });
}

export function createSweepActivities({
  ledger,
  engine,
  settings,
}: Pick<ActivityDeps, 'ledger' | 'engine' | 'settings'>) {
  type OpenOrder = OwnerOfOpen['orders'][number];

  /** Compare-and-set of the owner, then the start: what fails between them leaves an owner that is missing, for the next round. */
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
      const failures: unknown[] = [];
      let resumed = 0;
      let after: string | undefined;
      for (;;) {
        const owners = await ledger.readOwners({ quietForMs: QUIET_MS, after, limit: PAGE });
        const lost: { readonly owner: string; readonly order: OpenOrder }[] = [];
        const findLost = async ({ owner, orders }: OwnerOfOpen): Promise<void> => {
          heartbeat(resumed);
          if ((await engine.readLife(owner)) !== 'running') lost.push(...orders.map((order) => ({ owner, order })));
        };
        const resumeOne = async ({ owner, order }: (typeof lost)[number]): Promise<void> => {
          heartbeat(resumed);
          if (await resume(owner, order)) resumed += 1;
        };
        await inTurns(owners, findLost, failures);
        await inTurns(lost, resumeOne, failures);
        after = owners.at(-1)?.owner;
        if (after === undefined) break;
      }
      assertNone(failures);
      return resumed;
    },

    /** A refund that failed (the provider refused) is left alone: a person has to look. */
    sweepRefunds: async (): Promise<number> => {
      const failures: unknown[] = [];
      let started = 0;
      const restart = async (refund: RefundClaim): Promise<void> => {
        heartbeat(started);
        if ((await engine.readLife(refundWorkflowId(refund.paymentId))) === 'running') return;
        if ((await engine.startRefund(refund)) === 'started') started += 1;
      };
      let after: string | undefined;
      // All pages: refunds that wait for their provider must not stand before those whose workflow is missing.
      do {
        const open = await ledger.readOpenRefunds({ quietForMs: QUIET_MS, after, limit: PAGE });
        await inTurns(open, restart, failures);
        after = open.at(-1)?.paymentId;
      } while (after !== undefined);
      assertNone(failures);
      return started;
    },
  };
}
