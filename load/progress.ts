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

/** The sale: who has an answer, what is on its way. */
export function showSale(tally: Tally, buyers: number): { stop(): void } {
  const bar = new SingleBar(style);
  let before = { confirmed: 0, at: performance.now() };
  let perSecond = 0;

  function line(): string {
    const confirmed = endedAs(tally, 'confirmed');
    const now = performance.now();
    if (now - before.at >= 1_000) {
      perSecond = Math.round(((confirmed - before.confirmed) * 1_000) / (now - before.at));
      before = { confirmed, at: now };
    }
    return [
      `accepted ${tally.accepted}`,
      `refused ${sumOf(tally.refused)}`,
      `failed ${sumOf(tally.failed)}`,
      `paying ${tally.paid}`,
      `confirmed ${confirmed} (${perSecond}/s)`,
      `backlog ${tally.accepted - tally.ended.length}`,
    ].join('  ');
  }
  const draw = (): void => {
    const done = sumOf(tally.refused) + sumOf(tally.failed) + tally.ended.length;
    bar.update(done, { stage: 'sale', line: line() });
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
