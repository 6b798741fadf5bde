/**
 * Paying an order: the saga pays, this finds the order's saga and gives it the payment, until there is an answer.
 * What was decided is always read from MariaDB first, so a repeat is answered without troubling anybody.
 *
 *   QUEUED, nobody owns it → to the head of the line, wait for its saga
 *   claimed, being started → wait for its saga
 *   open, owned            → Update on the owner (its id is made of order and payment key: a repeat joins it)
 *   owner gone             → the sweeper is told to look now; wait for the next owner
 *   ended                  → what MariaDB says of this payment key
 */
import { Problem, type ProblemCode } from '../../domain/errors';
import { isOpen } from '../../domain/order';
import type { ConfirmArgs, ConfirmResult } from '../../domain/saga';
import type { PayableOrder, PaymentsRepository } from '../../infra/mysql/repositories/payments';
import type { OrderWatch } from './order-watch';
import { type ConfirmOutcome, finalOf } from './outcome';

export interface ConfirmRequest extends ConfirmArgs {
  readonly memberId: string;
}
/** The owner's answer; `gone`: it ended or is not known, `unanswered`: it may yet act. */
export type OwnerAnswer = ConfirmResult | { readonly kind: 'gone' } | { readonly kind: 'unanswered' };

export interface PursuitDeps {
  readonly payments: Pick<PaymentsRepository, 'payableOrder' | 'keyStory'>;
  readonly watch: OrderWatch;
  /** the buyer is paying: head of the dispatcher's line */
  readonly setPaying: (orderId: string) => Promise<boolean>;
  /** throws Problem('unavailable') when the engine is away */
  readonly askOwner: (owner: string, payment: ConfirmArgs) => Promise<OwnerAnswer>;
  /** the sweeper looks for orders without a living owner now; never throws */
  readonly nudgeSweeper: () => void;
  /** declines that end an order, counting the last */
  readonly attemptsMax: number;
}

export interface Pursuit {
  readonly request: ConfirmRequest;
  /** its caller has been answered: from now on an engine that is away is waited for */
  isLate: boolean;
  /** no further look */
  isStopped: boolean;
}

/** How long a payment is pursued: an engine that restarts is back by then. */
const PURSUE_MS = 60_000;
/** Between looks when the order does not change: with a caller who waits, and with none. */
const LOOK_MS = 1_000;
const LATE_LOOK_MS = 5_000;
/** A saga hears of what it has committed within milliseconds. */
const SOON_MS = 50;

/** No answer yet: look again when the order changes, or at the latest `soon`, or `later`. */
interface LookAgain {
  readonly kind: 'again';
  readonly when: 'soon' | 'later';
  /** this owner has the payment: MariaDB will tell, asking it again would only repeat "pending" */
  readonly takenBy?: string;
}
const isStarting = ({ status, isDispatched }: PayableOrder): boolean => status === 'QUEUED' && !isDispatched;

const again = (when: LookAgain['when'], takenBy?: string): LookAgain => ({
  kind: 'again',
  when,
  ...(takenBy ? { takenBy } : {}),
});

export function createPursuits(deps: PursuitDeps) {
  const { payments, watch } = deps;

  /** What MariaDB says now: the final word, or how far it is. */
  async function readOutcome({ orderId, paymentKey, memberId }: ConfirmRequest): Promise<ConfirmOutcome> {
    const [story, order] = await Promise.all([
      payments.keyStory(orderId, paymentKey),
      payments.payableOrder(orderId, memberId),
    ]);
    const final = story && finalOf(story, deps.attemptsMax);
    if (final) return final;
    return {
      kind: 'pending',
      ...(story ? { paymentId: story.payment.paymentId } : {}),
      status: story?.payment.status ?? 'READY',
      orderStatus: order?.status ?? 'QUEUED',
    };
  }

  /** A refusal before anybody is asked, or the final word on this very key. */
  async function known(order: PayableOrder, request: ConfirmRequest): Promise<ConfirmOutcome | null> {
    if (order.amount !== request.amount) return { kind: 'refused', code: 'amount_mismatch' };
    const story = await payments.keyStory(request.orderId, request.paymentKey);
    const final = story && finalOf(story, deps.attemptsMax);
    if (final) return final;
    return isOpen(order.status) ? null : { kind: 'refused', code: 'order_not_payable' };
  }

  async function ask(order: PayableOrder, request: ConfirmRequest): Promise<ConfirmOutcome | LookAgain> {
    if (order.owner === null && !order.isPaying) await deps.setPaying(order.orderId);
    // Claimed, and its workflow is about to start: asking for it would only find nobody, as often as we asked.
    if (order.owner === null || isStarting(order)) return again('later');
    const { orderId, paymentKey, amount } = request;
    const answer = await deps.askOwner(order.owner, { orderId, paymentKey, amount });
    if (answer.kind === 'done' || answer.kind === 'declined') return answer;
    if (answer.kind === 'pending') return again('later', order.owner);
    if (answer.kind === 'refused') return weighRefusal(answer, request);
    if (answer.kind === 'gone') deps.nudgeSweeper();
    return again('later');
  }

  /**
   * A refusal may pass by itself: the saga is at its first steps, or the payment before this one was declined in
   * MariaDB and the saga is just learning it. And another owner may have begun this very payment: then its row answers.
   */
  async function weighRefusal(
    { code, status }: Extract<ConfirmResult, { kind: 'refused' }>,
    request: ConfirmRequest,
  ): Promise<ConfirmOutcome | LookAgain> {
    if (status === 'QUEUED') return again('later');
    if (await payments.keyStory(request.orderId, request.paymentKey)) return readOutcome(request);
    const order = await payments.payableOrder(request.orderId, request.memberId);
    const isFree = order?.status === 'PENDING_PAYMENT' && order.activePayment === null;
    if (code === 'payment_in_progress' && isFree) return again('soon');
    return { kind: 'refused', code: code satisfies ProblemCode };
  }

  /** While the caller waits, an engine that is away is its answer; after that, it is waited for. */
  async function askPatiently(order: PayableOrder, pursuit: Pursuit): Promise<ConfirmOutcome | LookAgain> {
    try {
      return await ask(order, pursuit.request);
    } catch (error) {
      if (pursuit.isLate && error instanceof Problem && error.code === 'unavailable') return again('later');
      throw error;
    }
  }

  async function pursue(pursuit: Pursuit): Promise<ConfirmOutcome> {
    const { request } = pursuit;
    const until = Date.now() + PURSUE_MS;
    let takenBy: string | undefined;
    for (;;) {
      const order = await payments.payableOrder(request.orderId, request.memberId);
      if (!order) return { kind: 'refused', code: 'not_found' };
      const isTaken = takenBy !== undefined && takenBy === order.owner;
      const answer =
        (await known(order, request)) ?? (isTaken ? again('later', takenBy) : await askPatiently(order, pursuit));
      if (answer.kind !== 'again') return answer;
      takenBy = answer.takenBy;
      if (pursuit.isStopped || Date.now() >= until) return readOutcome(request);
      const laterMs = pursuit.isLate ? LATE_LOOK_MS : LOOK_MS;
      await watch.changed(order, answer.when === 'soon' ? SOON_MS : laterMs);
    }
  }

  return { pursue, readOutcome };
}
