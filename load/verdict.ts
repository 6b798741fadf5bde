/** The verdict: what the load saw must add up, and the audit must find nothing. A check that did not run failed. */
import type { LoadOptions } from './options';
import { endedAs, sumOf, type Tally } from './tally';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}
export interface Verdict {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export const verdictOf = (checks: readonly Check[]): Verdict => ({
  ok: checks.length > 0 && checks.every((check) => check.ok),
  checks,
});

const equal = (name: string, seen: number, expected: number, what: string): Check => ({
  name,
  ok: seen === expected,
  detail: `${what}: ${seen}${seen === expected ? '' : `, expected ${expected}`}`,
});

/** What the buyers' own counts must show. */
export function checkTally(tally: Tally, options: LoadOptions): readonly Check[] {
  const confirmed = endedAs(tally, 'confirmed');
  const answered = tally.accepted + sumOf(tally.refused) + sumOf(tally.failed);
  const checks: Check[] = [
    equal('every buyer sent one checkout', tally.sent, options.buyers, 'sent'),
    equal('every checkout was accepted, refused or failed', answered, tally.sent, 'answered'),
    equal('every accepted order was followed', tally.ended.length, tally.accepted, 'followed'),
    equal('no checkout failed', sumOf(tally.failed), 0, 'failed'),
    equal('every saga ended', endedAs(tally, 'unended'), 0, 'not ended'),
    { name: 'something was sold', ok: confirmed > 0, detail: `confirmed: ${confirmed}` },
  ];
  return options.product ? checks : [...checks, ...checkUnits(confirmed, options)];
}

/** Of a fresh product we know the units: never more sold, and all of them when everybody pays. */
function checkUnits(confirmed: number, { units, buyers, decline, abandon }: LoadOptions): readonly Check[] {
  const noMore: Check = {
    name: 'no more sold than there was',
    ok: confirmed <= units,
    detail: `${confirmed} of ${units} units`,
  };
  if (decline > 0 || abandon > 0) return [noMore];
  return [noMore, equal('every unit that somebody wanted was sold', confirmed, Math.min(units, buyers), 'sold')];
}
