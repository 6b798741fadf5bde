/**
 * One order inside a checkout workflow: where it is, what its buyer wants, what it went through.
 * Update handlers change it synchronously; its saga reads it and acts. No I/O, no waiting.
 */
import type { OrderStatus } from '../../domain/order';
import { isOpen } from '../../domain/order';
import type { ConfirmResult, Ending, MemberStory, SagaOrder, SagaPhase } from '../../domain/saga';

/** A buyer's payment, from its Update to its answer. */
export interface PayRequest {
  readonly paymentKey: string;
  /** won */
  readonly amount: number;
  /** ours; known once MariaDB has it */
  paymentId: string | null;
  /** set when the buyer can be told; the Update handler waits for it */
  answer: ConfirmResult | null;
}

export interface Member {
  readonly order: SagaOrder;
  phase: SagaPhase;
  /** epoch milliseconds; null until the order is open for payment */
  payBy: number | null;
  declines: number;
  /** the one payment under way, or about to be */
  request: PayRequest | null;
  cancelWanted: boolean;
  deadlinePassed: boolean;
  ending: Ending | null;
  readonly compensations: string[];
  readonly timeline: { readonly phase: SagaPhase; readonly at: string; readonly note?: string }[];
  /** false while a saga that takes an order over does not know yet what its owner before it left */
  isRecalled: boolean;
  /** something the operator sees has changed */
  changed: boolean;
}

export function createMember(order: SagaOrder, resumed: boolean): Member {
  const member: Member = {
    order,
    phase: 'QUEUED',
    payBy: null,
    declines: 0,
    request: null,
    cancelWanted: false,
    deadlinePassed: false,
    ending: null,
    compensations: [],
    timeline: [],
    isRecalled: !resumed,
    changed: true,
  };
  enter(member, 'QUEUED');
  return member;
}

export function enter(member: Member, phase: SagaPhase, note?: string): void {
  member.phase = phase;
  member.changed = true;
  member.timeline.push({ phase, at: new Date().toISOString(), ...(note ? { note } : {}) });
}

const UNDER_WAY: readonly SagaPhase[] = ['CONFIRMING', 'UNKNOWN', 'CANCELLING', 'EXPIRING', 'FAILING'];

/** The saga has nothing more to decide (it may still be tidying up). */
export const isOver = (member: Member): boolean =>
  !UNDER_WAY.includes(member.phase) && (member.phase === 'DISOWNED' || !isOpen(member.phase as OrderStatus));

/** For the search attribute: the order's status, or UNKNOWN, which operators look for. */
export function shownPhase(member: Member): string {
  if (member.phase === 'UNKNOWN') return 'UNKNOWN';
  return UNDER_WAY.includes(member.phase) ? 'PENDING_PAYMENT' : member.phase;
}

/** What may be read from outside. */
export function storyOf(member: Member): MemberStory {
  const { order, phase, payBy, declines, ending, compensations, timeline } = member;
  const { orderId, memberId, sequence } = order;
  return { orderId, memberId, sequence, phase, payBy, declines, ending, compensations, timeline };
}

/** One line of the current details in the Web UI. */
export function lineOf(member: Member): string {
  const { order, phase, ending, compensations, declines } = member;
  const notes = [
    declines > 0 ? `${declines} declined` : '',
    ending ? `${ending.reason}; undone: ${compensations.join(', ') || 'nothing yet'}` : '',
  ].filter(Boolean);
  return `- #${order.sequence} \`${order.orderId}\` **${phase}**${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}
