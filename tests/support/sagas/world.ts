/**
 * A small world for saga tests: the real workflows and activities on a Temporal server, over a ledger in memory, a gate
 * that counts and a provider that says what the test tells it. Every call is counted, and any can be made to fail.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { DefaultLogger, type NativeConnection, Worker } from '@temporalio/worker';
import { type ActivityDeps, createActivities } from '../../../activities';
import type { ConfirmAnswer, LookUpAnswer, Provider, RefundAnswer } from '../../../domain/provider';
import type { CheckoutSettings, SagaOrder } from '../../../domain/saga';
import { bundleWorkflows } from '../../../infra/temporal/bundle';
import type { Temporal } from '../../../infra/temporal/client';
import { readLife, startCheckout, startRefund } from '../../../infra/temporal/starts';
import { createMemoryLedger, type MemoryLedger } from './memory-ledger';

export const SETTINGS: CheckoutSettings = { holdMs: 300_000, attemptsMax: 3, answerMs: 3_000 };

/** A provider that says what it is told: per payment key, one answer after the other, the last one for ever. */
export interface ScriptedProvider extends Provider {
  confirms(paymentKey: string, ...answers: (ConfirmAnswer | Promise<ConfirmAnswer>)[]): void;
  shows(paymentKey: string, ...answers: LookUpAnswer[]): void;
  refunds(paymentKey: string, ...answers: RefundAnswer[]): void;
}

export interface World {
  readonly ledger: MemoryLedger;
  readonly provider: ScriptedProvider;
  /** calls by name, of ledger, gate, provider and engine alike */
  readonly calls: Map<string, number>;
  /** orders the gate was asked to give back or settle, in order */
  readonly synced: string[];
  readonly temporal: Temporal;
  /** Makes the next `times` calls of `name` throw (before having an effect). */
  fail(name: string, times: number): void;
  /** Makes the next `times` calls of `name` take so long. */
  slow(name: string, ms: number, times: number): void;
  /** Makes the next `times` calls of `name` answer this, without an effect. */
  answer(name: string, value: unknown, times: number): void;
  /** Puts the order(s) into the ledger under a workflow id and starts it. */
  start(
    orders: readonly SagaOrder[],
    options?: { settings?: Partial<CheckoutSettings>; owner?: string; resumed?: boolean },
  ): Promise<string>;
  stop(): Promise<void>;
}

let bundled: Promise<{ code: string }> | undefined;
const quiet = new DefaultLogger('ERROR', () => undefined);
/** Once per test process. */
export const bundle = (): Promise<{ code: string }> => {
  bundled ??= bundleWorkflows(require.resolve('../../../workflows'), quiet);
  return bundled;
};

let counter = 0;
export function someOrder(changes: Partial<SagaOrder> = {}): SagaOrder {
  counter += 1;
  const suffix = `${counter}_${randomBytes(4).toString('hex')}`;
  return {
    orderId: `ord_${suffix}`,
    memberId: `mem_${suffix}`,
    sequence: counter,
    amount: 30_000,
    lines: [{ productId: 'prd_1', name: 'Poster', quantity: 2, unitPrice: 15_000 }],
    ...changes,
  };
}

export const captured = (order: SagaOrder, paymentKey: string, changes: { orderId?: string; amount?: number } = {}) =>
  ({
    kind: 'captured',
    paymentKey,
    orderId: order.orderId,
    amount: order.amount,
    approvedAt: '2026-01-01T00:00:00.000Z',
    method: 'card',
    ...changes,
  }) as const;
export const declined = { kind: 'declined', code: 'REJECT_CARD_PAYMENT', message: 'no' } as const;
export const unknown = { kind: 'unknown', why: 'timeout' } as const;

/** An answer the test gives when it likes. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (value: T) => resolve(value) };
}

/**
 * Answers as the test says. What a look-up shows needs no word where the provider would know it by itself: a payment it has
 * captured, and until then one that may be confirmed (again), under the same key.
 */
function scriptedProvider(): ScriptedProvider {
  const kept = new Map<string, LookUpAnswer>();
  const scripts = new Map<string, unknown[]>();
  const next = async <T>(question: string, paymentKey: string): Promise<T> => {
    const script = scripts.get(`${question} ${paymentKey}`);
    if (!script?.length) throw new Error(`the test did not say what ${question} of ${paymentKey} answers`);
    return (script.length > 1 ? script.shift() : script[0]) as T;
  };
  return {
    confirms: (key, ...answers) => void scripts.set(`confirm ${key}`, answers),
    shows: (key, ...answers) => void scripts.set(`lookUp ${key}`, answers),
    refunds: (key, ...answers) => void scripts.set(`refund ${key}`, answers),
    async confirm({ paymentKey }) {
      const answer = await next<ConfirmAnswer>('confirm', paymentKey);
      if (answer.kind === 'captured') kept.set(paymentKey, answer);
      return answer;
    },
    async lookUp({ paymentKey }) {
      if (scripts.has(`lookUp ${paymentKey}`)) return next('lookUp', paymentKey);
      return kept.get(paymentKey) ?? { kind: 'open' };
    },
    lookUpByOrder: async () => unknown,
    refund: ({ paymentKey }) => next('refund', paymentKey),
  };
}

export interface WorldOptions {
  readonly client: Client;
  readonly connection: NativeConnection;
  /** epoch milliseconds, by the server's clock */
  readonly now: () => Promise<number>;
  readonly maxCachedWorkflows?: number;
  /** milliseconds each call takes */
  readonly latencyMs?: (call: string) => number;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const taskQueue = `sagas-${randomBytes(6).toString('hex')}`;
  const calls = new Map<string, number>();
  const plans = new Map<string, ((call: () => unknown) => unknown)[]>();
  const plan = (name: string, times: number, what: (call: () => unknown) => unknown): void => {
    plans.set(name, [...(plans.get(name) ?? []), ...Array.from({ length: times }, () => what)]);
  };
  const synced: string[] = [];

  /** Counts calls, and lets those go wrong that the test wants to. */
  const watched = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (face, name: string) => {
        const method = face[name as keyof T];
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          calls.set(name, (calls.get(name) ?? 0) + 1);
          if (options.latencyMs) await pause(options.latencyMs(name));
          const planned = plans.get(name)?.shift();
          return planned ? planned(() => method.apply(face, args)) : method.apply(face, args);
        };
      },
    });

  const temporal: Temporal = {
    client: options.client,
    namespace: 'default',
    taskQueue,
    uiUrl: 'http://ui',
    within: (_ms, call) => call(),
    close: async () => undefined,
  };
  const ledger = createMemoryLedger(options.now);
  const provider = scriptedProvider();
  const deps: ActivityDeps = {
    ledger: watched(ledger.face),
    gate: watched<ActivityDeps['gate']>({
      adopt: async () => 'adopted',
      syncHold: async (orderId) => {
        synced.push(orderId);
        return 'removed';
      },
      applyAdjustment: async () => undefined,
    }),
    provider: watched<Provider>(provider),
    engine: watched<ActivityDeps['engine']>({
      startCheckout: (start) => startCheckout(temporal, start),
      startRefund: (refund) => startRefund(temporal, refund),
      readLife: (workflowId) => readLife(temporal, workflowId),
    }),
    settings: SETTINGS,
    tellNews: () => undefined,
  };
  const worker = await Worker.create({
    connection: options.connection,
    taskQueue,
    workflowBundle: await bundle(),
    activities: createActivities(deps),
    maxCachedWorkflows: options.maxCachedWorkflows ?? 100,
  });
  const run = worker.run();

  return {
    ledger,
    provider,
    calls,
    synced,
    temporal,
    fail: (name, times) =>
      plan(name, times, () => {
        throw new Error(`made to fail: ${name}`);
      }),
    slow: (name, ms, times) => plan(name, times, (call) => pause(ms).then(call)),
    answer: (name, value, times) => plan(name, times, () => value),
    start: async (orders, { settings, owner = `checkout-${orders[0]?.orderId}`, resumed = false } = {}) => {
      for (const order of orders) if (!ledger.orders.has(order.orderId)) ledger.add(order, owner);
      await startCheckout(temporal, { owner, orders, settings: { ...SETTINGS, ...settings }, resumed });
      return owner;
    },
    stop: async () => {
      worker.shutdown();
      await run;
    },
  };
}
