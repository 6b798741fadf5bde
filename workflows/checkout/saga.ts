/**
 * The checkout of one order, as a story. The same function whether its workflow carries one order or fifty.
 *
 *   hold the units → open the order → wait for payment, cancel or deadline → pay → complete
 *
 * The captured payment is the pivot: before it every step has its undo, registered before the step; after it we only
 * go forward. MariaDB is the arbiter of every state: a step that finds the order elsewhere, or with another owner,
 * changes nothing, and the saga follows.
 */
import { CancellationScope, condition, isCancellation, sleep, workflowInfo } from '@temporalio/workflow';
import type { LaneSteps } from '../../activities/lane';
import { isOpen } from '../../domain/order';
import type { ConfirmResult, Ending } from '../../domain/saga';
import type { Disowned, Elsewhere, SagaState } from '../../infra/mysql/ledger/types';
import { createCompensations } from '../compensations';
import { activities } from '../proxies';
import { enter, type Member, type PayRequest } from './member';
import { fail, pay } from './payment';
import { type Outcome, owned, type SagaTools } from './tools';

/**
 * Leads one order to its end. Never throws for what stores, gate, provider or buyer do.
 * @param resumed begin from what MariaDB shows
 */
export async function checkoutSaga(member: Member, tools: SagaTools, resumed: boolean): Promise<void> {
  const { order } = member;
  const { steps, settings } = tools;
  const undo = createCompensations<Ending>((name, why) => noteUndo(member, name, why));

  if (resumed) {
    const left = recall(member, await steps.readOrder({ orderId: order.orderId }));
    member.isRecalled = true;
    if (left) return leave(member, left, steps);
  }

  undo.add('releaseStock', () => releaseStock(member));
  await steps.reserveStock(order);

  undo.add('endOrder', (ending) => endOrder(member, ending));
  const opened = await steps.createOrder({ ...owned(member), holdMs: settings.holdMs });
  if (opened.kind !== 'opened') return leave(member, opened, steps);
  open(member, opened.payBy);

  const outcome = await sell(member, tools);
  if (outcome.kind === 'sold') {
    await steps.settleStock({ orderId: order.orderId });
  } else if (outcome.kind === 'ends') {
    member.ending = outcome.ending;
    await undo.run(outcome.ending);
  } else {
    await leave(member, outcome, steps);
  }
}

/** From open to the pivot, or to the decision that there will be none. */
async function sell(member: Member, tools: SagaTools): Promise<Outcome> {
  const exhausted = !member.request && member.declines >= tools.settings.attemptsMax;
  if (exhausted) return fail(member, 'payment_declined');
  const deadline = watchDeadline(member);
  try {
    for (;;) {
      const wish = await nextWish(member);
      if (wish.kind === 'ends') return wish;
      const outcome = await pay(member, wish.request, tools);
      member.request = null;
      if (outcome.kind !== 'again') return outcome;
      reopen(member);
    }
  } finally {
    deadline.cancel();
  }
}

type Wish =
  | { readonly kind: 'pays'; readonly request: PayRequest }
  | { readonly kind: 'ends'; readonly ending: Ending };

/** A buyer who came in time pays, even when the deadline falls into the same instant. */
async function nextWish(member: Member): Promise<Wish> {
  await condition(() => member.request !== null || member.cancelWanted || member.deadlinePassed);
  if (member.request) return { kind: 'pays', request: member.request };
  if (member.cancelWanted) {
    if (member.phase !== 'CANCELLING') enter(member, 'CANCELLING');
    return { kind: 'ends', ending: { status: 'CANCELLED', reason: 'cancelled_by_buyer' } };
  }
  if (member.phase !== 'EXPIRING') enter(member, 'EXPIRING');
  return { kind: 'ends', ending: { status: 'EXPIRED', reason: 'deadline_passed' } };
}

/** The deadline stored with the order. One that falls into a payment waits for the payment's answer. */
function watchDeadline(member: Member): CancellationScope {
  const scope = new CancellationScope();
  const leftMs = Math.max(1, (member.payBy ?? 0) - Date.now());
  scope
    .run(() => sleep(leftMs, { summary: `${member.order.orderId}: pay by` }))
    .then(() => {
      member.deadlinePassed = true;
      if (member.phase === 'PENDING_PAYMENT' && !member.request) enter(member, 'EXPIRING');
    })
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  return scope;
}

function open(member: Member, payBy: number): void {
  member.payBy = payBy;
  // A payment taken over from a lost owner is still being asked about.
  if (member.phase === 'UNKNOWN') return;
  if (member.cancelWanted) enter(member, 'CANCELLING');
  else enter(member, member.request ? 'CONFIRMING' : 'PENDING_PAYMENT');
}

function reopen(member: Member): void {
  enter(member, member.deadlinePassed ? 'EXPIRING' : 'PENDING_PAYMENT', 'the payment was declined');
}

/** Takes over what a lost owner left. Answers why there is nothing to do, if that is so. */
function recall(member: Member, state: SagaState | null): Elsewhere | Disowned | null {
  if (!state || state.owner !== workflowInfo().workflowId) return { kind: 'disowned' };
  if (!isOpen(state.status)) return { kind: 'elsewhere', status: state.status };
  member.declines = state.declines;
  const active = state.activePayment;
  if (active) {
    const { paymentId, paymentKey, amount } = active;
    member.request = { paymentId, paymentKey, amount, answer: null };
    enter(member, 'UNKNOWN', 'taken over: the provider is asked');
  }
  return null;
}

/** The order was moved by somebody else, or is another's now: follow, and write nothing more. */
async function leave(member: Member, why: Elsewhere | Disowned, steps: LaneSteps): Promise<void> {
  enter(member, why.kind === 'elsewhere' ? why.status : 'DISOWNED', 'not by this saga');
  if (member.request && !member.request.answer) member.request.answer = unheard(why);
  // The gate follows MariaDB, whoever moved the order.
  if (why.kind === 'elsewhere') await steps.settleStock({ orderId: member.order.orderId });
}

const unheard = (why: Elsewhere | Disowned): ConfirmResult =>
  why.kind === 'elsewhere' ? { kind: 'refused', code: 'order_not_payable', status: why.status } : { kind: 'pending' };

/** Undo of createOrder. */
async function endOrder(member: Member, ending: Ending): Promise<void> {
  const ended = await activities.stores.endOrder.executeWithOptions({ summary: `${member.order.orderId}: undo` }, [
    { ...owned(member), ...ending },
  ]);
  // A payment that this saga began in a task that was lost with its memory of it: it begins again, and asks the provider.
  if (ended.kind === 'busy') throw new Error('a payment is active');
  enter(
    member,
    ended.kind === 'disowned' ? 'DISOWNED' : ended.status,
    ended.kind === 'ended' ? undefined : 'elsewhere',
  );
}

/** Undo of reserveStock: runs after MariaDB shows the order ended. */
const releaseStock = ({ order: { orderId } }: Member) =>
  activities.stores.releaseStock.executeWithOptions({ summary: `${orderId}: undo` }, [{ orderId }]);

function noteUndo(member: Member, name: string, why: Ending): void {
  member.compensations.push(name);
  member.timeline.push({ phase: member.phase, at: new Date().toISOString(), note: `undo: ${name} (${why.reason})` });
  member.changed = true;
}
