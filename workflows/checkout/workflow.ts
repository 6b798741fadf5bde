/**
 * A checkout workflow: the sagas of one claim, one order or up to fifty, side by side. Each has its own state, timer,
 * compensations and result; they share the lane, and nothing that happens to one reaches another.
 */
import { defineSearchAttributeKey } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  setCurrentDetails,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { CheckoutInput, CheckoutResult, MemberResult } from '../../domain/saga';
import { createLane } from '../lane';
import { createMember, enter, isOver, lineOf, type Member, shownPhase } from './member';
import { checkoutSaga } from './saga';
import type { SagaTools } from './tools';
import { listen, wantCancel } from './updates';

const phaseKey = defineSearchAttributeKey('Phase', 'KEYWORD');

/** An error of ours in one saga: it begins again from MariaDB, rarely enough to be no burden until it is mended. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

export async function checkout({ orders, settings, resumed }: CheckoutInput): Promise<CheckoutResult> {
  const members = new Map(orders.map((order) => [order.orderId, createMember(order, resumed)]));
  listen(members, settings);
  const publish = show([...members.values()]);
  hearOperator(members.values());

  const tools: SagaTools = { steps: createLane(), settings };
  await CancellationScope.nonCancellable(async () => {
    await Promise.all([...members.values()].map((member) => lead(member, tools, resumed)));
    await condition(allHandlersFinished);
  });
  publish();
  return { members: [...members.values()].map(resultOf) };
}

/** Isolation: an error ends nothing but this attempt of this one saga. */
async function lead(member: Member, tools: SagaTools, resumed: boolean): Promise<void> {
  for (
    let pauseMs = FIRST_PAUSE_MS, again = resumed;
    ;
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS), again = true
  ) {
    try {
      return await checkoutSaga(member, tools, again);
    } catch (error) {
      enter(member, isOver(member) ? member.phase : 'QUEUED', `error, begins again: ${String(error)}`);
      if (isOver(member)) return;
      member.request = null;
      member.isRecalled = false;
      await sleep(pauseMs, { summary: `${member.order.orderId}: after an error` });
    }
  }
}

/** Cancelling the workflow means: cancel every member whose buyer is not paying. Compensations run as ever. */
function hearOperator(members: Iterable<Member>): void {
  const all = [...members];
  CancellationScope.current().cancelRequested.catch(() => all.forEach(wantCancel));
}

/** Keeps the Web UI's details and the search attribute current. @returns publishes at once */
function show(members: readonly Member[]): () => void {
  let shown = 'QUEUED';
  const publish = (): void => {
    for (const member of members) member.changed = false;
    setCurrentDetails(members.map(lineOf).join('\n'));
    const phases = new Set(members.map(shownPhase));
    const phase = phases.size === 1 ? ([...phases][0] ?? 'MIXED') : 'MIXED';
    if (phase === shown) return;
    upsertSearchAttributes([{ key: phaseKey, value: phase }]);
    shown = phase;
  };
  const keep = async (): Promise<never> => {
    for (;;) {
      await condition(() => members.some((member) => member.changed));
      publish();
    }
  };
  void CancellationScope.nonCancellable(keep);
  return publish;
}

const resultOf = ({ order: { orderId }, phase }: Member): MemberResult => ({ orderId, phase });
