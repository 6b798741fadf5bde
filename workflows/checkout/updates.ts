/**
 * What buyers may say to a checkout workflow. Validators refuse synchronously what state and amount forbid (nothing is
 * written then); handlers set the member's state before their first await, and only wait: the saga acts.
 */
import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import type { CancelResult, CheckoutSettings, ConfirmArgs, ConfirmResult, Refusal } from '../../domain/saga';
import { REFUSED } from '../../domain/saga';
import { enter, isOver, type Member, type PayRequest, storyOf } from './member';
import { cancelOrder, confirmPayment, member as memberQuery } from './messages';

export type Members = ReadonlyMap<string, Member>;

export function listen(members: Members, { answerMs }: CheckoutSettings): void {
  setHandler(memberQuery, (orderId) => {
    const member = members.get(orderId);
    return member ? storyOf(member) : null;
  });
  setHandler(confirmPayment, (args) => takePayment(find(members, args.orderId, 'order_not_payable'), args, answerMs), {
    validator: (args) => assertPayable(find(members, args.orderId, 'order_not_payable'), args),
    description: 'Pay an order',
  });
  setHandler(cancelOrder, ({ orderId }) => takeCancel(find(members, orderId, 'order_not_cancellable'), answerMs), {
    validator: ({ orderId }) => assertCancellable(find(members, orderId, 'order_not_cancellable')),
    description: 'Cancel an order nobody is paying for',
  });
}

/** The buyer's cancel, or the operator's for the whole workflow: taken where no payment is under way. */
export function wantCancel(member: Member): void {
  if (member.request || isOver(member) || member.cancelWanted || member.deadlinePassed) return;
  member.cancelWanted = true;
  if (member.phase === 'PENDING_PAYMENT') enter(member, 'CANCELLING');
}

function assertPayable(member: Member, { paymentKey, amount }: ConfirmArgs): void {
  if (amount !== member.order.amount) refuse({ code: 'amount_mismatch', status: member.phase });
  // What the owner before this one left may be a payment. A refusal by the validator is kept nowhere, so the same
  // payment may be asked for again in a moment; an answer would be the answer to this payment for ever.
  if (!member.isRecalled) refuse({ code: 'order_not_payable', status: 'QUEUED' });
  if (member.request) {
    // The same payment again, after a take-over: it joins the one that is being asked about.
    if (member.request.paymentKey === paymentKey) return;
    refuse({ code: 'payment_in_progress', status: member.phase });
  }
  const open = member.phase === 'PENDING_PAYMENT' || member.phase === 'QUEUED';
  if (!open || member.cancelWanted || member.deadlinePassed) {
    refuse({ code: 'order_not_payable', status: member.phase });
  }
}

async function takePayment(member: Member, args: ConfirmArgs, answerMs: number): Promise<ConfirmResult> {
  const request = member.request ?? requestOf(member, args);
  const told = () => request.answer !== null;
  await condition(told, answerMs, { summary: `${args.orderId}: time to answer` });
  return request.answer ?? { kind: 'pending', ...(request.paymentId ? { paymentId: request.paymentId } : {}) };
}

function requestOf(member: Member, { paymentKey, amount }: ConfirmArgs): PayRequest {
  const request: PayRequest = { paymentKey, amount, paymentId: null, answer: null };
  member.request = request;
  if (member.phase === 'PENDING_PAYMENT') enter(member, 'CONFIRMING');
  return request;
}

function assertCancellable(member: Member): void {
  if (member.request) refuse({ code: 'payment_in_progress', status: member.phase });
  const cancelled = member.cancelWanted || member.phase === 'CANCELLED';
  const open = member.phase === 'PENDING_PAYMENT' || member.phase === 'QUEUED';
  if (!cancelled && (!open || member.deadlinePassed)) refuse({ code: 'order_not_cancellable', status: member.phase });
}

async function takeCancel(member: Member, answerMs: number): Promise<CancelResult> {
  wantCancel(member);
  await condition(() => isOver(member), answerMs, { summary: `${member.order.orderId}: time to answer` });
  if (member.phase === 'CANCELLED') return { kind: 'cancelled' };
  return isOver(member)
    ? { kind: 'refused', code: 'order_not_cancellable', status: member.phase }
    : { kind: 'pending' };
}

function find(members: Members, orderId: string, code: Refusal['code']): Member {
  return members.get(orderId) ?? refuse({ code, status: 'DISOWNED' });
}

function refuse(refusal: Refusal): never {
  throw ApplicationFailure.nonRetryable(`${refusal.code}: ${refusal.status}`, REFUSED, refusal);
}
