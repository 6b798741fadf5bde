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

/** A rate is taken over this long: what a second brought, not what a quarter of one did. */
const RATE_MS = 1_000;

/**
 * The line's text, asked again and again: every count with what the last second brought, and the backlog, which are
 * accepted orders without a saga.
 * @param now milliseconds of a clock that never goes back
 */
export function createLine(tally: Tally, now: () => number = () => performance.now()) {
  const counts = () => Object.fromEntries(NAMES.map((name) => [name, COUNTED[name](tally)])) as Record<Counted, number>;
  let before = { counts: counts(), at: now() };
  let perSecond: Readonly<Partial<Record<Counted, number>>> = {};
  return (backlog: number | null): string => {
    const current = counts();
    const elapsedMs = now() - before.at;
    if (elapsedMs >= RATE_MS) {
      const rateOf = (name: Counted) => Math.round(((current[name] - before.counts[name]) * 1_000) / elapsedMs);
      perSecond = Object.fromEntries(NAMES.map((name) => [name, rateOf(name)]));
      before = { counts: current, at: now() };
    }
    const shown = NAMES.map((name) => `${name} ${current[name]} (${perSecond[name] ?? 0}/s)`);
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
