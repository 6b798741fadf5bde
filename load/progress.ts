/** The live line on standard error: rewritten at a terminal, one line a second elsewhere. */
import { type Options, SingleBar } from 'cli-progress';
import { endedAs, sumOf, type Tally } from './tally';

const EVERY_MS = 250;

const style: Options = {
  format: '{stage} {bar} {value}/{total} | {line}',
  barsize: 20,
  hideCursor: true,
  clearOnComplete: false,
  noTTYOutput: true,
  notTTYSchedule: 1_000,
  stream: process.stderr,
};

/** Members getting ready. */
export function showPreparation(total: number): { step(): void; stop(): void } {
  const bar = new SingleBar(style);
  bar.start(total, 0, { stage: 'members', line: 'signing up, refreshing tokens' });
  return { step: () => bar.increment(), stop: () => bar.stop() };
}

/** What the line counts, from the tally. */
const COUNTED = {
  accepted: ({ accepted }: Tally): number => accepted,
  refused: ({ refused }: Tally): number => sumOf(refused),
  failed: ({ failed }: Tally): number => sumOf(failed),
  paid: ({ paid }: Tally): number => paid,
  confirmed: (tally: Tally): number => endedAs(tally, 'confirmed'),
} as const;
type Counted = keyof typeof COUNTED;
const NAMES = Object.keys(COUNTED) as readonly Counted[];

/** A rate is that of so long before now: what a second brought, not what a quarter of one did. */
const RATE_MS = 1_000;
/** Less than this after the start nobody can tell a rate. */
const RATE_AFTER_MS = 200;

/**
 * The line's text, asked again and again: every count with what the last second brought, and the backlog, which are
 * accepted orders without a saga.
 * @param now milliseconds of a clock that never goes back
 */
export function createLine(tally: Tally, now: () => number = () => performance.now()) {
  const counts = () => Object.fromEntries(NAMES.map((name) => [name, COUNTED[name](tally)])) as Record<Counted, number>;
  /** oldest first; the first is the newest of those that are a second old, or the start */
  const samples = [{ counts: counts(), at: now() }];
  return (backlog: number | null): string => {
    const current = { counts: counts(), at: now() };
    samples.push(current);
    while (samples[1] && samples[1].at <= current.at - RATE_MS) samples.shift();
    const before = samples[0] ?? current;
    const elapsedMs = current.at - before.at;
    const rateOf = (name: Counted): number =>
      elapsedMs < RATE_AFTER_MS ? 0 : Math.round(((current.counts[name] - before.counts[name]) * 1_000) / elapsedMs);
    const shown = NAMES.map((name) => `${name} ${current.counts[name]} (${rateOf(name)}/s)`);
    return [...shown, `backlog ${backlog ?? '?'}`].join('  ');
  };
}

/** The sale: who has an answer, what is on its way. `backlog`: null while it is not known. */
export function showSale(tally: Tally, buyers: number, backlog: () => number | null): { stop(): void } {
  const bar = new SingleBar(style);
  const line = createLine(tally);
  const draw = (): void => {
    const done = COUNTED.refused(tally) + COUNTED.failed(tally) + tally.ended.length;
    bar.update(done, { stage: 'sale', line: line(backlog()) });
  };
  bar.start(buyers, 0, { stage: 'sale', line: '' });
  const timer = setInterval(draw, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      draw();
      bar.stop();
    },
  };
}
