/** The bound of the line: counted by MariaDB now and then, and by this process in between. */
import { type BacklogBound, type BacklogReading, createBacklogBound, type Entry } from '../../api/orders/backlog';
import { until } from '../support/until';

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
/** What somebody is told who asks, is refused by the gate, and leaves: null when there was room, else when to come again. */
async function ask(backlog: BacklogBound): Promise<number | null> {
  const entry = await backlog.enter();
  if (entry.kind === 'full') return entry.retryAfterS;
  entry.leave();
  return null;
}
const bound = () => createBacklogBound({ read: () => read(), max: MAX, everyMs: EVERY_MS, now: () => atMs });

test('When the line is short, then one count serves all who ask in its life, and no longer', async () => {
  const backlog = bound();
  await Promise.all(Array.from({ length: 50 }, () => ask(backlog)));
  await ask(backlog);
  expect(reads).toBe(1);
  atMs += EVERY_MS;
  await ask(backlog);
  expect(reads).toBe(2);
});

test('When others fill the last places, then the next who asks is told so at once', async () => {
  const backlog = bound();
  queued = MAX - 1;
  expect(await ask(backlog)).toBeNull();
  queued = MAX;
  expect(await ask(backlog)).toBeGreaterThan(0);
});

test('When the line is full, then this is kept for the life of a count, and its end is seen after it', async () => {
  const backlog = bound();
  queued = MAX;
  await ask(backlog);
  queued = 0;
  expect(await ask(backlog)).toBeGreaterThan(0);
  expect(reads).toBe(1);
  atMs += EVERY_MS;
  expect(await ask(backlog)).toBeNull();
});

test('When this process accepts between two counts, then its own orders count', async () => {
  const backlog = bound();
  queued = MAX - 300;
  expect(await ask(backlog)).toBeNull();
  for (let i = 0; i < 300; i += 1) await backlog.joining(async () => undefined);
  expect(await ask(backlog)).toBeGreaterThan(0);
  expect(reads).toBe(1);
});

test('When an acceptance is under way, then its place is taken, also across a count that does not see it yet', async () => {
  const backlog = bound();
  queued = MAX - 1;
  let end: () => void = () => undefined;
  const joining = backlog.joining(() => new Promise<void>((resolve) => (end = resolve)));
  expect(await ask(backlog)).toBeGreaterThan(0);
  end();
  await joining;
  queued = MAX;
  atMs += EVERY_MS;
  expect(await ask(backlog)).toBeGreaterThan(0);
});

test('When an acceptance ends while the line is counted, then it counts, whatever the count has seen', async () => {
  const backlog = bound();
  let answer: (reading: BacklogReading) => void = () => undefined;
  read = () => new Promise((resolve) => (answer = resolve));
  const asked = ask(backlog);
  await backlog.joining(async () => undefined);
  answer({ queued: MAX - 1, drainPerS: null });
  expect(await asked).toBeGreaterThan(0);
});

test('When an acceptance fails, then its failure is passed on, and the next count frees its place', async () => {
  const backlog = bound();
  queued = MAX - 1;
  await expect(backlog.joining(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await ask(backlog)).toBeNull();
});

test('When a count is never answered, then it is given up, and the next who asks counts anew', async () => {
  const backlog = createBacklogBound({ read: () => read(), max: MAX, withinMs: 20 });
  read = () => new Promise(() => undefined);
  await expect(Promise.all([ask(backlog), ask(backlog)])).rejects.toMatchObject({ code: 'unavailable' });
  read = async () => ({ queued: 0, drainPerS: null });
  expect(await ask(backlog)).toBeNull();
});

test('When a count fails, then whoever asked learns it, and the next who asks counts anew', async () => {
  const backlog = bound();
  read = () => Promise.reject(new Error('down'));
  await expect(ask(backlog)).rejects.toThrow('down');
  read = async () => ({ queued: 0, drainPerS: null });
  expect(await ask(backlog)).toBeNull();
});

describe('a burst', () => {
  /** Buyers all at once; the gate decides each a moment later, and takes every n-th. @returns what became of each */
  const burst = async (backlog: BacklogBound, buyers: number, gateTakes: (n: number) => boolean) => {
    let [atOnce, most] = [0, 0];
    const come = async (n: number): Promise<'full' | 'refused' | 'joined'> => {
      const entry = await backlog.enter();
      if (entry.kind === 'full') return 'full';
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, n % 3));
      atOnce -= 1;
      if (!gateTakes(n)) {
        entry.leave();
        return 'refused';
      }
      entry.leave();
      await backlog.joining(async () => {
        await new Promise((resolve) => setTimeout(resolve, n % 2));
        queued += 1;
      });
      return 'joined';
    };
    const ends = await Promise.all(Array.from({ length: buyers }, (_, n) => come(n)));
    const countOf = (end: string): number => ends.filter((each) => each === end).length;
    return { joined: countOf('joined'), refused: countOf('refused'), full: countOf('full'), most };
  };

  test('When more come in one moment than the line has places, then it is filled to the last and never beyond', async () => {
    queued = MAX - 300;
    expect(await burst(bound(), 1_000, () => true)).toEqual({ joined: 300, refused: 0, full: 700, most: 300 });
  });
  test('When the gate refuses most of them, then nobody is told "full" for the sake of those who will be refused', async () => {
    queued = MAX - 300;
    const ends = await burst(bound(), 3_000, (n) => n % 100 === 99);
    expect(ends).toMatchObject({ joined: 30, refused: 2_970, full: 0 });
    expect(ends.most).toBeLessThanOrEqual(300);
  });
  test('When the last places go, then those who wait for a seat are all told, and none waits for ever', async () => {
    queued = MAX - 2;
    expect(await burst(bound(), 50, (n) => n % 2 === 1)).toMatchObject({ joined: 2 });
  });
  const kindOf = (asked: Promise<Entry>): Promise<string> => asked.then(({ kind }) => kind).catch(() => 'failed');
  const seat = async (backlog: BacklogBound) => {
    const entry = await backlog.enter();
    if (entry.kind !== 'seated') throw new Error('no seat');
    return entry;
  };
  /** Another count than those before has been made, and what follows from it at once has followed. */
  async function countHeard(before: number): Promise<void> {
    await until(() => reads > before, { within: 5_000, what: 'a count' });
    await new Promise(setImmediate);
  }
  /** `count` more who ask, once a count has shown that they have to wait. */
  async function queueUp(backlog: BacklogBound, count: number): Promise<Promise<string>[]> {
    const before = reads;
    const asked = Array.from({ length: count }, () => kindOf(backlog.enter()));
    await countHeard(before);
    return asked;
  }

  test('When a count fails while many wait for a seat, then all are told at once, it counts as one failure, and the next goes on', async () => {
    queued = MAX - 1;
    let failures = 0;
    const backlog = createBacklogBound({
      read: () => read(),
      max: MAX,
      now: () => atMs,
      onFailure: () => (failures += 1),
    });
    const first = await seat(backlog);
    const others = await queueUp(backlog, 3);
    read = () => Promise.reject(new Error('down'));
    first.leave();
    expect(await Promise.all(others)).toEqual(['failed', 'failed', 'failed']);
    expect(failures).toBe(1);
    read = async () => ({ queued: MAX - 1, drainPerS: null });
    expect(await ask(backlog)).toBeNull();
  });

  test('When a seat is left twice, then it frees one seat, and they are given in the order of asking', async () => {
    queued = MAX - 1;
    const backlog = bound();
    const first = await seat(backlog);
    first.leave();
    first.leave();
    const second = await seat(backlog);
    const order: string[] = [];
    const come = (name: string) =>
      seat(backlog).then((mine) => {
        order.push(name);
        return mine;
      });
    const before = reads;
    const others = ['third', 'fourth', 'fifth'].map(come);
    await countHeard(before);
    expect(order).toEqual([]);
    second.leave();
    for (const other of others) (await other).leave();
    expect(order).toEqual(['third', 'fourth', 'fifth']);
  });

  test('When somebody leaves in the very turn in which seats are given, then the next is seated all the same', async () => {
    queued = MAX - 1;
    const backlog = bound();
    const all = Array.from({ length: 20 }, () => seat(backlog).then((mine) => mine.leave()));
    await Promise.all(all);
    expect(await ask(backlog)).toBeNull();
  });

  test('When they have waited for two seconds, or ten thousand wait, then the rest is told to come again', async () => {
    queued = MAX - 1;
    const backlog = bound();
    const first = await seat(backlog);
    const many = await queueUp(backlog, 10_001);
    expect(await many[10_000]).toBe('full');
    atMs += 2_001;
    first.leave();
    const ends = await Promise.all(many);
    expect(ends.map((end) => end === 'seated').lastIndexOf(true)).toBe(0);
    expect(ends.filter((end) => end === 'full')).toHaveLength(10_000);
  });
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
  expect(await ask(backlog)).toBe(expected);
});
