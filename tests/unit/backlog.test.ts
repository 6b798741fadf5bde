/** The bound of the line: counted by MariaDB now and then, and by this process in between. */
import { type BacklogReading, createBacklogBound } from '../../api/orders/backlog';

const EVERY_MS = 100;
const MAX = 1_000;

let queued: number;
let drainPerS: number | null;
let atMs: number;
let reads: number;
let read: () => Promise<BacklogReading>;

beforeEach(() => {
  [queued, drainPerS, atMs, reads] = [0, null, 0, 0];
  read = async () => {
    reads += 1;
    return { queued, drainPerS };
  };
});
const bound = () => createBacklogBound({ read: () => read(), max: MAX, everyMs: EVERY_MS, now: () => atMs });

test('When the line is short, then one count serves all who ask in its life, and no longer', async () => {
  const backlog = bound();
  await Promise.all(Array.from({ length: 50 }, () => backlog.full()));
  await backlog.full();
  expect(reads).toBe(1);
  atMs += EVERY_MS;
  await backlog.full();
  expect(reads).toBe(2);
});

test('When others fill the last places, then the next who asks is told so at once', async () => {
  const backlog = bound();
  queued = MAX - 1;
  expect(await backlog.full()).toBeNull();
  queued = MAX;
  expect(await backlog.full()).toBeGreaterThan(0);
});

test('When the line is full, then this is kept for the life of a count, and its end is seen after it', async () => {
  const backlog = bound();
  queued = MAX;
  await backlog.full();
  queued = 0;
  expect(await backlog.full()).toBeGreaterThan(0);
  expect(reads).toBe(1);
  atMs += EVERY_MS;
  expect(await backlog.full()).toBeNull();
});

test('When this process accepts between two counts, then its own orders count', async () => {
  const backlog = bound();
  queued = MAX - 300;
  expect(await backlog.full()).toBeNull();
  for (let i = 0; i < 300; i += 1) await backlog.joining(async () => undefined);
  expect(await backlog.full()).toBeGreaterThan(0);
  expect(reads).toBe(1);
});

test('When an acceptance is under way, then its place is taken, also across a count that does not see it yet', async () => {
  const backlog = bound();
  queued = MAX - 1;
  let end: () => void = () => undefined;
  const joining = backlog.joining(() => new Promise<void>((resolve) => (end = resolve)));
  expect(await backlog.full()).toBeGreaterThan(0);
  end();
  await joining;
  queued = MAX;
  atMs += EVERY_MS;
  expect(await backlog.full()).toBeGreaterThan(0);
});

test('When an acceptance ends while the line is counted, then it counts, whatever the count has seen', async () => {
  const backlog = bound();
  let answer: (reading: BacklogReading) => void = () => undefined;
  read = () => new Promise((resolve) => (answer = resolve));
  const asked = backlog.full();
  await backlog.joining(async () => undefined);
  answer({ queued: MAX - 1, drainPerS: null });
  expect(await asked).toBeGreaterThan(0);
});

test('When an acceptance fails, then its failure is passed on, and the next count frees its place', async () => {
  const backlog = bound();
  queued = MAX - 1;
  await expect(backlog.joining(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await backlog.full()).toBeNull();
});

test('When a count is never answered, then it is given up, and the next who asks counts anew', async () => {
  const backlog = createBacklogBound({ read: () => read(), max: MAX, withinMs: 20 });
  read = () => new Promise(() => undefined);
  await expect(Promise.all([backlog.full(), backlog.full()])).rejects.toMatchObject({ code: 'unavailable' });
  read = async () => ({ queued: 0, drainPerS: null });
  expect(await backlog.full()).toBeNull();
});

test('When a count fails, then whoever asked learns it, and the next who asks counts anew', async () => {
  const backlog = bound();
  read = () => Promise.reject(new Error('down'));
  await expect(backlog.full()).rejects.toThrow('down');
  read = async () => ({ queued: 0, drainPerS: null });
  expect(await backlog.full()).toBeNull();
});

test.each([
  [null, 5],
  [0, 5],
  [1_000, 1],
  [20, 5],
  [0.1, 120],
])('When %s orders drain per second, then Retry-After is %s s: a tenth of the line', async (rate, expected) => {
  const backlog = bound();
  [queued, drainPerS] = [MAX, rate];
  expect(await backlog.full()).toBe(expected);
});
