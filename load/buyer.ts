/** One buyer's story: check out, authorise, confirm, follow; or walk away. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Events, OrderBody } from './events';
import type { Answer, Call, Http } from './http';
import { type LoadMember, renew } from './members';
import { toldOf } from './observations';
import { count, type Ending, type Newest, record, type Tally } from './tally';

export type Habit = 'pays' | 'declined' | 'abandons';

/** Declined by the sandbox whatever its knobs say. */
const DECLINED_CARD = '4000000000000002';
/** How long a buyer tries to get an answer to a checkout. */
const CHECKOUT_MS = 120_000;
const REPEAT_MS = 500;
/**
 * A payment that was not decided in time goes on without us, and the order's events tell its end; only a decline is told
 * to nobody but the asker. So whoever expects to pay asks again late, and whoever expects a decline soon.
 */
const ASK_AGAIN_MS: Readonly<Record<Habit, number>> = { pays: 30_000, declined: 2_000, abandons: 30_000 };
/** An event stream is opened anew after this long, with a look at the order in between. */
const STREAM_MS = 60_000;

export interface Scene {
  readonly gateway: Http;
  readonly events: Events;
  readonly sandbox: Http;
  readonly productId: string;
  readonly tally: Tally;
  /** performance.now() of the start */
  readonly startedAt: number;
  readonly thinkMs: number;
  /** how long sagas are followed after the last deadline, ms */
  readonly patienceMs: number;
}
export interface Buyer {
  readonly member: LoadMember;
  readonly habit: Habit;
  /** performance.now() at which the checkout should leave */
  readonly intended: number;
}
interface Order {
  readonly orderId: string;
  readonly amount: number;
  readonly eventsUrl: string;
}

interface Authorised extends Order {
  readonly paymentKey: string;
}

const ENDING_OF: Readonly<Record<string, Ending>> = {
  CONFIRMED: 'confirmed',
  PAYMENT_FAILED: 'declined',
  EXPIRED: 'expired',
  CANCELLED: 'cancelled',
  REJECTED: 'rejected',
  REFUNDING: 'refunded',
  REFUNDED: 'refunded',
};

/** Plays one buyer to the end of its order; everything is counted, nothing is thrown. */
export async function play(scene: Scene, buyer: Buyer): Promise<void> {
  const { tally } = scene;
  const order = await checkOut(scene, buyer);
  if (!order) return;
  const ending = await goOn(scene, buyer, order).catch((error: unknown) => {
    count(tally.troubles, textOf(error));
    return 'unended' as const;
  });
  const now = performance.now();
  tally.ended.push({ orderId: order.orderId, ending, tookMs: now - buyer.intended });
  tally.lastEndMs = Math.max(tally.lastEndMs, now - scene.startedAt);
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function checkOut(scene: Scene, buyer: Buyer): Promise<Order | null> {
  const { tally } = scene;
  tally.sent += 1;
  const body = { items: [{ productId: scene.productId, quantity: 1 }] };
  const call = { method: 'POST', path: '/v1/checkouts', body, key: randomUUID() } as const;
  const answer = await asMember(scene, buyer, call).catch((error: unknown) => {
    count(tally.failed, `checkout: ${textOf(error)}`);
    return null;
  });
  if (!answer) return null;
  const told = toldOf({ member: buyer.member, key: call.key, productId: scene.productId, answer });
  if (told) tally.told.push(told);
  const now = performance.now();
  const sinceStart = now - scene.startedAt;
  record(tally.answers, now - buyer.intended);
  tally.lastAnswerMs = Math.max(tally.lastAnswerMs, sinceStart);
  if (answer.status === 202) {
    tally.accepted += 1;
    tally.lastAcceptanceMs = Math.max(tally.lastAcceptanceMs, sinceStart);
    record(tally.acceptance, now - buyer.intended);
    const { orderId, amount, eventsUrl, sequence } = answer.body;
    remember(tally, buyer, { orderId: String(orderId), sequence: Number(sequence), member: buyer.member });
    return { orderId: String(orderId), amount: Number(amount), eventsUrl: String(eventsUrl) };
  }
  const code = String(answer.body.code ?? 'no code');
  if (answer.status === 409) count(tally.refused, code);
  else count(tally.failed, `checkout: ${answer.status} ${code}`);
  return null;
}

/** Answers overtake each other: the end of the line is the highest number. */
function remember({ newest }: Tally, { habit }: Buyer, accepted: Newest): void {
  const kind = habit === 'abandons' ? 'abandoner' : 'payer';
  if (accepted.sequence > (newest[kind]?.sequence ?? -1)) newest[kind] = accepted;
}

/** From acceptance on an order exists: whatever goes wrong now, its end is looked for. */
async function goOn(scene: Scene, buyer: Buyer, order: Order): Promise<Ending> {
  if (scene.thinkMs > 0) await pause(scene.thinkMs);
  if (buyer.habit !== 'abandons') {
    const paid = await pay(scene, buyer, order);
    if (paid !== 'elsewhere') return paid;
  }
  return follow(scene, buyer, order);
}

/** Pays until the order is paid for or can no longer be; a declined buyer uses up all attempts. */
async function pay(scene: Scene, buyer: Buyer, order: Order): Promise<Ending | 'elsewhere'> {
  const until = Date.now() + scene.patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    const paymentKey = await authorise(scene, buyer, order, until);
    if (attempt === 1 && buyer.habit === 'pays') scene.tally.paid += 1;
    const answer = await payOnce(scene, buyer, { ...order, paymentKey }, until);
    if (typeof answer === 'string') return answer;
    if (answer?.status === 200) return 'confirmed';
    if (answer?.status !== 402 || Number(answer.body.attemptsLeft) === 0) return 'elsewhere';
  }
}

/** Confirms one authorised payment until the answer is final or the order has ended; null when our patience ends. */
async function payOnce(scene: Scene, buyer: Buyer, order: Authorised, until: number): Promise<Answer | Ending | null> {
  const { paymentKey } = order;
  const key = randomUUID();
  const startedAt = performance.now();
  while (Date.now() < until) {
    const body = { paymentKey, orderId: order.orderId, amount: order.amount };
    const answer = await asMember(scene, buyer, { method: 'POST', path: '/v1/payments/confirm', body, key });
    if (answer.status === 200) record(scene.tally.confirms, performance.now() - startedAt);
    const isOpen = answer.status === 202 || answer.status >= 500 || answer.body.code === 'payment_in_progress';
    if (!isOpen) return answer;
    const ending = answer.status === 202 ? await hearEnding(scene, buyer, order, ASK_AGAIN_MS[buyer.habit]) : null;
    if (ending) return ending;
    if (answer.status !== 202) await pause(REPEAT_MS);
  }
  return null;
}

async function authorise(scene: Scene, buyer: Buyer, order: Order, until: number): Promise<string> {
  const card = buyer.habit === 'declined' ? { card: DECLINED_CARD } : {};
  const { orderId, amount } = order;
  const call = { method: 'POST', path: '/sandbox/authorizations', body: { orderId, amount, ...card } } as const;
  const answer = await scene.sandbox.insist(call, until);
  if (answer.status !== 201) throw new Error(`authorisation: ${answer.status} ${String(answer.body.code)}`);
  return String(answer.body.paymentKey);
}

const endingOf = ({ status }: OrderBody): Ending | undefined => ENDING_OF[String(status)];

/** How the order ended, if its events tell so within this time. */
async function hearEnding(scene: Scene, buyer: Buyer, order: Order, withinMs: number): Promise<Ending | null> {
  const stream = { path: order.eventsUrl, token: buyer.member.accessToken };
  const body = await scene.events.find(stream, (each) => endingOf(each) !== undefined, withinMs);
  return (body && endingOf(body)) ?? null;
}

/** Follows the order until it has ended or our patience has. */
async function follow(scene: Scene, buyer: Buyer, order: Order): Promise<Ending> {
  let until = Date.now() + scene.patienceMs;
  while (Date.now() < until) {
    const heard = await hearEnding(scene, buyer, order, Math.min(STREAM_MS, until - Date.now()));
    if (heard) return heard;
    const answer = await asMember(scene, buyer, { method: 'GET', path: `/v1/checkouts/${order.orderId}` });
    const ending = endingOf(answer.body);
    if (ending) return ending;
    // A deadline given later than we knew extends our patience.
    const payBy = Date.parse(String(answer.body.payBy ?? ''));
    if (payBy) until = Math.max(until, payBy + scene.patienceMs);
    await pause(REPEAT_MS);
  }
  return 'unended';
}

/** A member's call; a token that ran out during a long load is renewed once. */
async function asMember(scene: Scene, { member }: Buyer, call: Call): Promise<Answer> {
  const until = Date.now() + CHECKOUT_MS;
  const answer = await scene.gateway.insist({ ...call, token: member.accessToken }, until);
  if (answer.status !== 401 || !(await renew(scene.gateway, member))) return answer;
  return scene.gateway.insist({ ...call, token: member.accessToken }, until);
}
