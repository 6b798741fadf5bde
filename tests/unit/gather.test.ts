/** Calls that gather: one batch at a time, nobody lost, each with its own answer. */
import fc from 'fast-check';
import { createGatherer, gather, groupBy } from '../../infra/mysql/gather';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('When calls come at any time, then each is answered once, in batches that never overlap or exceed their size', async () => {
  const delays = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(delays, fc.integer({ min: 1, max: 8 }), async (pauses, batchMax) => {
      let underWay = 0;
      const seen: number[] = [];
      const { ask, waiting } = createGatherer<number, number>({
        batchMax,
        run: async (batch) => {
          underWay += 1;
          expect(underWay).toBe(1);
          expect(batch.length).toBeLessThanOrEqual(batchMax);
          seen.push(...batch);
          await turn();
          underWay -= 1;
          return batch.map((each) => each * 2);
        },
      });
      const asked = pauses.map(async (turns, index) => {
        for (let left = turns; left > 0; left -= 1) await turn();
        return ask(index);
      });
      expect(await Promise.all(asked)).toEqual(pauses.map((_, index) => index * 2));
      expect(seen.sort((a, b) => a - b)).toEqual(pauses.map((_, index) => index));
      expect(waiting()).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('When one answer is still being worked on, then the next batch goes meanwhile', async () => {
  let settle: (value: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => {
    settle = resolve;
  });
  const ask = gather<string, string>(async (batch) => batch.map((each) => (each === 'slow' ? slow : each)));
  const late = ask('slow');
  expect(await Promise.all([ask('a'), ask('b')])).toEqual(['a', 'b']);
  settle('done');
  expect(await late).toBe('done');
});

test('When a batch is answered short, then all of it hears an error rather than waiting for ever', async () => {
  const ask = gather<number, number>(async () => []);
  await expect(ask(1)).rejects.toThrow('0 answers to 1 calls');
});

test('When one answer fails, then only its caller hears of it', async () => {
  const ask = gather<number, number>(async (batch) =>
    batch.map((each) => (each === 2 ? Promise.reject(new Error('two')) : each)),
  );
  const answers = await Promise.allSettled([1, 2, 3].map(ask));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('When rows are grouped, then each group keeps their order', () => {
  expect([...groupBy(['a1', 'b1', 'a2'], (row) => row.charAt(0))]).toEqual([
    ['a', ['a1', 'a2']],
    ['b', ['b1']],
  ]);
});

test('When an answer that fails comes too late, then nobody hears of it, and the process goes on', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  let answer: () => void = () => undefined;
  const { ask } = createGatherer<string, string>({
    batchMax: 10,
    withinMs: 20,
    run: async (batch) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return batch.map((each) => Promise.reject(new Error(each)));
    },
  });
  await expect(ask('late')).rejects.toMatchObject({ code: 'unavailable' });
  answer();
  await turn();
  await turn();
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test('When a batch is never answered, then its callers are told so, and the next batch goes', async () => {
  const { ask, waiting } = createGatherer<string, string>({
    batchMax: 10,
    withinMs: 50,
    run: (batch) => (batch.includes('hangs') ? new Promise(() => undefined) : Promise.resolve([...batch])),
  });
  const hanging = ask('hangs');
  const next = ask('goes');
  await expect(hanging).rejects.toMatchObject({ code: 'unavailable' });
  expect(await next).toBe('goes');
  await turn();
  expect(waiting()).toBe(0);
});
