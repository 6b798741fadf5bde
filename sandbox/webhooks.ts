/**
 * PAYMENT_STATUS_CHANGED webhooks, as Toss sends them: unsigned, repeated until 200, in no promised order.
 * They are hints; what is not delivered when the process dies is lost, as it may be in life.
 */
import { Pool } from 'undici';
import type { KnobSet } from './behaviour';
import type { BookedPayment } from './book';
import { paymentView } from './toss';

export interface Webhooks {
  /** Tells the shop, by the payment's knobs, that a status changed. Returns at once. */
  announce(payment: BookedPayment, knobs: KnobSet): void;
  /** With `webhooks: forged`, an attacker's hint: claims DONE for a payment that nobody captured. */
  forge(payment: BookedPayment, knobs: KnobSet): void;
  close(): Promise<void>;
}

interface Delivery {
  readonly body: string;
  readonly knobs: KnobSet;
}

const CONNECTIONS = 8;
const TIMEOUT_MS = 5_000;
/** `reordered` holds a hint until the next one has gone, but never longer than this */
const HELD_MS = 1_000;
/** Beyond this many undelivered hints new ones are dropped: a shop that is down must not fill our memory. */
const WAITING_MAX = 20_000;

/** @param url the shop's webhook address; without one nothing is sent */
export function createWebhooks(url: string | undefined, now: () => number): Webhooks {
  if (!url) return { announce() {}, forge() {}, close: async () => {} };
  const target = new URL(url);
  const pool = new Pool(target.origin, { connections: CONNECTIONS });
  const timers = new Set<NodeJS.Timeout>();
  let held: Delivery | null = null;
  let waiting = 0;
  let closed = false;

  function later(ms: number, run: () => void): void {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  }

  async function post(body: string): Promise<boolean> {
    try {
      const answer = await pool.request({
        method: 'POST',
        path: `${target.pathname}${target.search}`,
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body.dump();
      return answer.statusCode === 200;
    } catch {
      // An unreachable shop is the normal case that retries exist for.
      return false;
    }
  }

  async function deliver({ body, knobs }: Delivery, attempt = 0): Promise<void> {
    const pauseMs = knobs.webhookRetryMs[attempt];
    if (!(await post(body)) && pauseMs !== undefined && !closed) {
      later(pauseMs, () => void deliver({ body, knobs }, attempt + 1));
    } else {
      waiting -= 1;
    }
  }

  function send(delivery: Delivery): void {
    if (waiting >= WAITING_MAX) return;
    waiting += 1;
    later(delivery.knobs.webhookDelayMs, () => void deliver(delivery));
  }

  /** The later hint overtakes the earlier one. */
  function sendReordered(delivery: Delivery): void {
    const earlier = held;
    if (earlier) {
      held = null;
      send(delivery);
      later(delivery.knobs.webhookDelayMs, () => send(earlier));
    } else {
      held = delivery;
      later(HELD_MS, () => releaseHeld(delivery));
    }
  }

  function releaseHeld(delivery: Delivery): void {
    if (held !== delivery) return;
    held = null;
    send(delivery);
  }

  function hint(payment: BookedPayment, knobs: KnobSet, claims: Readonly<Record<string, unknown>> = {}): Delivery {
    const data = paymentView(payment, { now: now(), authorizationLifeMs: knobs.authorizationLifeMs });
    const createdAt = new Date(now()).toISOString();
    return {
      knobs,
      body: JSON.stringify({ eventType: 'PAYMENT_STATUS_CHANGED', createdAt, data: { ...data, ...claims } }),
    };
  }

  return {
    announce(payment, knobs) {
      if (knobs.webhooks === 'none') return;
      const delivery = hint(payment, knobs);
      if (knobs.webhooks === 'reordered') return sendReordered(delivery);
      send(delivery);
      if (knobs.webhooks === 'doubled') send(delivery);
    },
    forge(payment, knobs) {
      if (knobs.webhooks === 'forged') send(hint(payment, knobs, { status: 'DONE' }));
    },
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      await pool.destroy();
    },
  };
}
