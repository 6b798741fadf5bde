/**
 * Gathers calls into batches, as a log groups commits: one batch at a time per process, made of what came while the last
 * one was under way. So a lone call waits for nothing, and a burst shares its commits.
 */
import { inTime } from '../process/in-time';

export interface GatherOptions<I, O> {
  /** Answers a batch in its order. An answer that is a promise is its caller's alone: the next batch goes meanwhile. */
  readonly run: (batch: readonly I[]) => Promise<readonly (O | Promise<O>)[]>;
  /** calls one batch may carry */
  readonly batchMax: number;
  /** A batch without an answer for this long is given up (its effect is unknown), and the next one goes. ms */
  readonly withinMs?: number;
}

export interface Gatherer<I, O> {
  /**
   * @throws what `run` threw for the whole batch, what this call's own answer came to, or Problem('unavailable') when
   * there was no answer in time
   */
  ask(input: I): Promise<O>;
  /** calls whose batch is not yet answered */
  waiting(): number;
}

interface Waiting<I, O> {
  readonly input: I;
  readonly resolve: (answer: O | Promise<O>) => void;
  readonly reject: (error: unknown) => void;
}

/** Far above the slowest statement: only a connection that is lost without a word takes longer. */
const WITHIN_MS = 10_000;

export function createGatherer<I, O>({ run, batchMax, withinMs = WITHIN_MS }: GatherOptions<I, O>): Gatherer<I, O> {
  const gathered: Waiting<I, O>[] = [];
  let underWay = 0;

  async function answer(batch: readonly Waiting<I, O>[]): Promise<void> {
    try {
      const inputs = batch.map((each) => each.input);
      const work = run(inputs);
      // What comes too late is nobody's: a failure among it must not end the process as an unhandled one.
      void work.then(
        (late) => Promise.allSettled(late),
        () => undefined,
      );
      const answers = await inTime(work, withinMs);
      if (answers.length !== batch.length) throw new Error(`${answers.length} answers to ${batch.length} calls`);
      for (const [index, each] of batch.entries()) each.resolve(answers[index] as O | Promise<O>);
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  }

  async function drain(): Promise<void> {
    while (gathered.length > 0) {
      const batch = gathered.splice(0, batchMax);
      underWay = batch.length;
      await answer(batch);
      underWay = 0;
    }
  }

  return {
    ask: (input) =>
      new Promise((resolve, reject) => {
        gathered.push({ input, resolve, reject });
        // `drain` never rejects: each waiting caller gets the error.
        if (underWay === 0 && gathered.length === 1) void drain();
      }),
    waiting: () => gathered.length + underWay,
  };
}

/** Calls one statement answers. */
const STATEMENT_MAX = 200;

/**
 * One statement for all who asked while the last one ran. What is read this way is never older than the asking, and
 * what is written is committed when the caller hears of it.
 * @param run answers in the order of its inputs
 */
export const gather = <I, O>(run: GatherOptions<I, O>['run']): ((input: I) => Promise<O>) =>
  createGatherer<I, O>({ run, batchMax: STATEMENT_MAX }).ask;

/** The rows of each id, in the order they came. */
export function groupBy<R>(rows: readonly R[], idOf: (row: R) => string): ReadonlyMap<string, readonly R[]> {
  const groups = new Map<string, R[]>();
  for (const row of rows) {
    const group = groups.get(idOf(row)) ?? [];
    group.push(row);
    groups.set(idOf(row), group);
  }
  return groups;
}
