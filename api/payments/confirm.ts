/**
 * Paying an order: the saga pays, this finds the order's saga, gives it the payment, and waits a little.
 * What was decided is always read from MariaDB first, so a repeat is answered without troubling anybody.
 *
 *   QUEUED, nobody owns it → to the head of the line, wait for its saga
 *   open, owned            → Update on the owner (its id is made of order and payment key: a repeat joins it)
 *   owner gone             → the sweeper is told to look now; wait for the next owner
 *   ended                  → what MariaDB says of this payment key
 *
 * The caller is answered in time with `pending`; the pursuit goes on behind its back, so that a buyer who paid
 * while the order still queued does not have to come again.
 */
import type { ProblemCode } from '../../domain/errors';
import { Problem } from '../../domain/errors';
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

export interface ConfirmDeps {
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
  /** how long the caller waits */
  readonly waitMs: number;
  /** a pursuit that failed after its caller was answered */
  readonly onLateError: (error: unknown) => void;
}

/** How long a payment is pursued after its caller was told `pending`: an engine that restarts is back by then. */
const PURSUE_MS = 60_000;
/** between looks when nothing seems to change */
const LOOK_MS = 1_000;
/** Pursuits under way at once; above it buyers are told to come again rather than queue in memory. */
const PURSUITS_MAX = 5_000;

interface Pursuit {
  readonly request: ConfirmRequest;
  /** its caller has been answered */
  isLate: boolean;
}

export interface Confirm {
  /** `onEnd` hears the outcome also when the caller was answered before; a throw means that nothing was taken. */
  confirm(request: ConfirmRequest, onEnd: (outcome: ConfirmOutcome) => Promise<void>): Promise<ConfirmOutcome>;
  /** Ends the pursuits and waits for them. */
  close(): Promise<void>;
}

export function createConfirm(deps: ConfirmDeps): Confirm {
  const { payments, watch } = deps;
  const pursuits = new Set<Promise<unknown>>();
  let closed = false;

  /** What MariaDB says of this key, when that is final. */
  async function told({ orderId, paymentKey }: ConfirmRequest): Promise<ConfirmOutcome | null> {
    const story = await payments.keyStory(orderId, paymentKey);
    return story && finalOf(story, deps.attemptsMax);
  }

  async function pending({ orderId, paymentKey, memberId }: ConfirmRequest): Promise<ConfirmOutcome> {
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

  /** null: no answer yet, look again. */
  async function ask(order: PayableOrder, request: ConfirmRequest): Promise<ConfirmOutcome | null> {
    if (order.owner === null) {
      await deps.setPaying(order.orderId);
      return null;
    }
    const { orderId, paymentKey, amount } = request;
    const answer = await deps.askOwner(order.owner, { orderId, paymentKey, amount });
    if (answer.kind === 'done' || answer.kind === 'declined') return answer;
    if (answer.kind === 'pending') return pending(request);
    if (answer.kind === 'refused') {
      // Its saga is at the first steps: it can be paid in a moment.
      if (answer.status === 'QUEUED') return null;
      // Another owner may have begun this very payment: then its row, not the refusal, is the answer.
      return refusedUnlessKnown(answer.code, request);
    }
    // A claim whose workflow is just being started is not lost.
    if (answer.kind === 'gone' && order.isDispatched) deps.nudgeSweeper();
    return null;
  }

  async function refusedUnlessKnown(code: ProblemCode, request: ConfirmRequest): Promise<ConfirmOutcome> {
    const story = await payments.keyStory(request.orderId, request.paymentKey);
    return story ? pending(request) : { kind: 'refused', code };
  }

  /** While the caller waits, an engine that is away is its answer; after that, it is waited for. */
  async function askPatiently(order: PayableOrder, pursuit: Pursuit): Promise<ConfirmOutcome | null> {
    try {
      return await ask(order, pursuit.request);
    } catch (error) {
      if (pursuit.isLate && error instanceof Problem && error.code === 'unavailable') return null;
      throw error;
    }
  }

  async function pursue(pursuit: Pursuit): Promise<ConfirmOutcome> {
    const { request } = pursuit;
    const until = Date.now() + PURSUE_MS;
    for (;;) {
      const order = await payments.payableOrder(request.orderId, request.memberId);
      if (!order) return { kind: 'refused', code: 'not_found' };
      if (order.amount !== request.amount) return { kind: 'refused', code: 'amount_mismatch' };
      const known = await told(request);
      if (known) return known;
      if (!isOpen(order.status)) return { kind: 'refused', code: 'order_not_payable' };
      const answer = await askPatiently(order, pursuit);
      if (answer) return answer;
      if (closed || Date.now() >= until) return pending(request);
      await watch.changed(order, LOOK_MS);
    }
  }

  return {
    async confirm(request, onEnd) {
      if (pursuits.size >= PURSUITS_MAX) throw new Problem('unavailable', { retryAfterS: 1 });
      const pursuit: Pursuit = { request, isLate: false };
      const outcome = pursue(pursuit);
      const end = outcome.then(
        (found) => onEnd(found).catch(deps.onLateError),
        (error: unknown) => pursuit.isLate && deps.onLateError(error),
      );
      pursuits.add(end);
      void end.finally(() => pursuits.delete(end));
      const first = await inTime(outcome, deps.waitMs);
      if (!first) {
        pursuit.isLate = true;
        return pending(request);
      }
      // The answer is bound to its key before it is given.
      await end;
      return first;
    },
    async close() {
      closed = true;
      watch.close();
      await Promise.allSettled(pursuits);
    },
  };
}

/** The result, or null when it takes longer. A rejection after that is the pursuit's own affair. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
