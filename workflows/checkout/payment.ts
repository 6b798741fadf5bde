/**
 * One payment of one order: CONFIRMING is committed, the provider is asked, its word is committed, the buyer is told.
 * An unknown outcome is never failed: units stay held and the provider is asked until it says.
 */
import type { FinalAnswer } from '../../activities/payments';
import { isOpen } from '../../domain/order';
import type { Captured } from '../../domain/provider';
import type { BeginPaymentOutcome, Disowned, Elsewhere } from '../../infra/mysql/ledger/types';
import { activities } from '../proxies';
import { enter, type Member, type PayRequest } from './member';
import { type Outcome, owned, type SagaTools } from './tools';

/** `again`: this payment came to nothing, the order stays open for another. */
export type PayOutcome = Outcome | { readonly kind: 'again' };

export async function pay(member: Member, request: PayRequest, tools: SagaTools): Promise<PayOutcome> {
  if (request.paymentId) return record(member, request, await ask(member, request), tools);

  if (member.phase !== 'CONFIRMING') enter(member, 'CONFIRMING');
  const { paymentKey, amount } = request;
  const { attemptsMax } = tools.settings;
  const begun = await tools.steps.beginPayment({ ...owned(member), paymentKey, amount, attemptsMax });
  if (begun.kind !== 'begun') return notBegun(member, request, begun, tools);

  request.paymentId = begun.paymentId;
  return record(member, request, await confirm(member, request, tools), tools);
}

const callOf = ({ order }: Member, { paymentKey, paymentId }: PayRequest) => ({
  orderId: order.orderId,
  paymentId: paymentId ?? '',
  paymentKey,
  // The order's own amount: what the buyer sent was compared with it before anything was written.
  amount: order.amount,
});

async function confirm(member: Member, request: PayRequest, { steps }: SagaTools): Promise<FinalAnswer> {
  const call = callOf(member, request);
  const answer = await activities.provider.confirmWithProvider.executeWithOptions(
    { summary: `${call.orderId} ${call.paymentId}` },
    [call],
  );
  if (answer.kind !== 'unknown') return answer;
  enter(member, 'UNKNOWN', answer.why);
  await steps.markUnknown({ ...owned(member), paymentId: call.paymentId, why: answer.why });
  return ask(member, request);
}

function ask(member: Member, request: PayRequest): Promise<FinalAnswer> {
  const call = callOf(member, request);
  return activities.asking.askProvider.executeWithOptions({ summary: `${call.orderId} ${call.paymentId}: ask` }, [
    call,
  ]);
}

/** MariaDB first, then the buyer. */
async function record(member: Member, request: PayRequest, answer: FinalAnswer, tools: SagaTools): Promise<PayOutcome> {
  if (answer.kind !== 'captured') return recordDecline(member, request, answer, tools);
  if (answer.orderId === member.order.orderId) return recordCapture(member, request, answer, tools);
  // The key of another order's payment. Its money is that order's: giving it back as ours would refund a confirmed
  // order, for anybody who knows its key. Whether any order wants it, MariaDB says under the order the provider names.
  await giveBack(member, answer);
  return recordDecline(member, request, FOREIGN, tools);
}

const FOREIGN = { code: 'payment_mismatch', message: 'This payment was made for another order' } as const;

async function recordCapture(
  member: Member,
  request: PayRequest,
  capture: Captured,
  { steps }: SagaTools,
): Promise<PayOutcome> {
  const paymentId = request.paymentId ?? '';
  const { approvedAt, amount, method } = capture;
  const recorded = await steps.completeOrder({ ...owned(member), paymentId, approvedAt, amount, method });

  if (recorded.kind === 'mismatch') {
    await startRefund(member, paymentId);
    const message = 'What was captured is not the amount of this order: it is given back';
    request.answer = { kind: 'declined', paymentId, code: 'payment_mismatch', message, attemptsLeft: 0 };
    return fail(member, 'payment_mismatch');
  }
  if (recorded.kind === 'disowned') {
    request.answer = { kind: 'pending', paymentId };
    return recorded;
  }
  if (recorded.kind === 'elsewhere' && recorded.status !== 'CONFIRMED') {
    // Ours, open, and not this payment's: only MariaDB can say how, so the saga begins again from there.
    if (isOpen(recorded.status)) throw new Error(`captured ${paymentId}, which is not the active payment`);
    await giveBack(member, { ...capture, paymentKey: request.paymentKey });
    request.answer = { kind: 'refused', code: 'order_not_payable', status: recorded.status };
    return recorded;
  }
  enter(member, 'CONFIRMED');
  request.answer = { kind: 'done', paymentId, approvedAt, amount };
  return { kind: 'sold' };
}

async function recordDecline(
  member: Member,
  request: PayRequest,
  { code, message }: { readonly code: string; readonly message: string },
  { steps, settings }: SagaTools,
): Promise<PayOutcome> {
  const paymentId = request.paymentId ?? '';
  const { attemptsMax } = settings;
  const recorded = await steps.recordDecline({ ...owned(member), paymentId, code, message, attemptsMax });
  if (recorded.kind !== 'declined') {
    request.answer = { kind: 'pending', paymentId };
    return recorded;
  }
  member.declines += 1;
  const { attemptsLeft } = recorded;
  request.answer = { kind: 'declined', paymentId, code, message, attemptsLeft };
  return attemptsLeft > 0 ? { kind: 'again' } : fail(member, 'payment_declined');
}

/** No attempt is left, or the money was not for this order. */
export function fail(
  member: Member,
  reason: 'payment_declined' | 'payment_mismatch',
): Extract<Outcome, { kind: 'ends' }> {
  enter(member, 'FAILING', reason);
  return { kind: 'ends', ending: { status: 'PAYMENT_FAILED', reason } };
}

/** The payment could not begin: its key was answered before, another one is active, or the order is elsewhere. */
async function notBegun(
  member: Member,
  request: PayRequest,
  begun: Exclude<BeginPaymentOutcome, { kind: 'begun' }>,
  tools: SagaTools,
): Promise<PayOutcome> {
  if (begun.kind === 'answered') return answeredBefore(member, request, begun, tools);
  if (begun.kind === 'disowned') {
    request.answer = { kind: 'pending' };
    return begun;
  }
  if (begun.kind === 'busy') {
    request.answer = { kind: 'refused', code: 'payment_in_progress', status: member.phase };
    return { kind: 'again' };
  }
  request.answer = { kind: 'refused', code: 'order_not_payable', status: begun.status };
  // Still open, and yet not payable: all attempts were used.
  return isOpen(begun.status) ? fail(member, 'payment_declined') : begun;
}

/** The same key again, after a take-over: MariaDB has its answer. */
async function answeredBefore(
  member: Member,
  request: PayRequest,
  { paymentId, status, failureCode }: Extract<BeginPaymentOutcome, { kind: 'answered' }>,
  { steps, settings }: SagaTools,
): Promise<PayOutcome> {
  if (status === 'FAILED') {
    const attemptsLeft = Math.max(0, settings.attemptsMax - member.declines);
    const code = failureCode ?? 'DECLINED';
    request.answer = { kind: 'declined', paymentId, code, message: 'This payment was declined before', attemptsLeft };
    return attemptsLeft > 0 ? { kind: 'again' } : fail(member, 'payment_declined');
  }
  request.answer = { kind: 'pending', paymentId };
  const state = await steps.readOrder({ orderId: member.order.orderId });
  return state
    ? ({ kind: 'elsewhere', status: state.status } satisfies Elsewhere)
    : ({ kind: 'disowned' } satisfies Disowned);
}

/** Money that this saga has no use for: unless its order wants it, it is claimed as late money, then refunded by a workflow of its own. */
async function giveBack(member: Member, capture: Captured): Promise<void> {
  const claimed = await activities.stores.claimLateMoney.executeWithOptions({ summary: capture.orderId }, [capture]);
  if (claimed.kind === 'claimed') await startRefund(member, claimed.refund.paymentId);
}

const startRefund = ({ order }: Member, paymentId: string): Promise<null> =>
  activities.stores.startRefund.executeWithOptions({ summary: `${order.orderId} ${paymentId}` }, [{ paymentId }]);
