/**
 * Saga steps that share a commit. A burst brings the same step of many orders at once, from one workflow or from many;
 * each by itself is a transaction of about ten statements, and they are what a checkout costs. So what has gathered goes
 * in one transaction of the same ten statements, with the same guards: the bet that nothing is wrong with any of them.
 *
 * Orders stay isolated all the same. An order whose row somebody else is changing is left out (SKIP LOCKED), as is one
 * that is not as the step expects it; these go by themselves, and wait only for themselves. The units of a product are
 * waited for, at most a second. When the shared transaction fails, whatever the reason, it is rolled back and every order
 * goes by itself: steps are idempotent, so a commit whose outcome is not known is simply found done.
 */
import type { DataSource } from 'typeorm';
import { createGatherer } from '../gather';
import { inTransaction, type Sql } from '../transaction';
import type { OwnedOrder } from './types';

export interface TogetherOptions<I extends OwnedOrder, O> {
  /** Does the step for those it can, and answers these by order id. Guarded; throws rather than doing a part. */
  readonly together: (tx: Sql, inputs: ReadonlyMap<string, I>) => Promise<ReadonlyMap<string, O>>;
  /** Does the step for one order, whatever its state. */
  readonly alone: (tx: Sql, input: I) => Promise<O>;
  /** A shared transaction of so many orders has failed, and they go by themselves: nothing is lost but speed. */
  readonly onApart?: (error: unknown, orders: number) => void;
}

/**
 * One try and a short wait: whatever is in its way (another's lock on the units of one product), going alone is the
 * retry, and every other order of the process is waiting behind this batch.
 */
const SHARED = { retries: 0, lockWaitS: 1 } as const;
/** Orders one transaction carries: more gains little, and holds the hot row of a product for longer. */
const BATCH_MAX = 64;

/** The step as a function of one order, gathered across all callers of this process. */
export function shareCommits<I extends OwnedOrder, O>(
  source: DataSource,
  { together, alone, onApart }: TogetherOptions<I, O>,
): (input: I) => Promise<O> {
  const goAlone = (input: I): Promise<O> => inTransaction(source, (tx) => alone(tx, input));

  async function goTogether(batch: readonly I[]): Promise<ReadonlyMap<I, O>> {
    // Of two calls for one order the first goes along; the other then finds what it did.
    const inputs = new Map<string, I>();
    for (const input of batch) if (!inputs.has(input.orderId)) inputs.set(input.orderId, input);
    const answers = await inTransaction(source, (tx) => together(tx, inputs), SHARED);
    return new Map(
      [...answers].flatMap(([orderId, answer]) => {
        const input = inputs.get(orderId);
        return input ? [[input, answer] as const] : [];
      }),
    );
  }

  const goApart = (error: unknown, orders: number): ReadonlyMap<I, O> => {
    onApart?.(error, orders);
    return new Map();
  };

  const { ask } = createGatherer<I, O>({
    batchMax: BATCH_MAX,
    run: async (batch) => {
      const isShared = batch.length > 1;
      const answers: ReadonlyMap<I, O> = isShared
        ? await goTogether(batch).catch((error: unknown) => goApart(error, batch.length))
        : new Map();
      return batch.map((input) => answers.get(input) ?? goAlone(input));
    },
  });
  return ask;
}
