/** What the load says in the end: one object for programs, the same as text for people. */
import type { Histogram } from 'hdr-histogram-js';
import type { LoadOptions } from './options';
import { ENDINGS, type Ended, type Ending, endedAs, sumOf, type Tally } from './tally';
import type { Verdict } from './verdict';

export interface Percentiles {
  readonly count: number;
  /** milliseconds */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}
export interface SlowSaga {
  readonly orderId: string;
  readonly ending: Ending;
  readonly tookMs: number;
  /** in the Temporal Web UI; orders that began as one group share their saga, so only the id tells them apart */
  readonly url: string | null;
}
export interface Report extends Readonly<Record<Ending, number>> {
  readonly productId: string;
  readonly buyers: number;
  readonly units: number | null;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly troubles: Readonly<Record<string, number>>;
  /** requests sent again after 429, 503 or a lost connection */
  readonly repeats: Readonly<Record<string, number>>;
  readonly latency: {
    /** 202, from the intended send time */
    readonly acceptance: Percentiles;
    /** the first answer of any kind, from the intended send time */
    readonly answer: Percentiles;
    /** a confirm answered with 200, from its own send time */
    readonly confirm: Percentiles;
  };
  /** until the last acceptance */
  readonly acceptedPerSecond: number;
  /** until the last end */
  readonly sagasPerSecond: number;
  /** milliseconds after the start */
  readonly lastAnswerMs: number;
  readonly lastSagaMs: number;
  readonly slowest: readonly SlowSaga[];
  readonly verdict: Verdict;
}

const SLOWEST = 10;

export const slowestOf = (ended: readonly Ended[]): readonly Ended[] =>
  [...ended].sort((one, other) => other.tookMs - one.tookMs).slice(0, SLOWEST);

const ms = (microseconds: number): number => Math.round(microseconds / 10) / 100;

function percentiles(from: Histogram): Percentiles {
  // The histogram answers the upper edge of a bucket, up to a thousandth above what was recorded; only the maximum is
  // exact. Without the bound the topmost percentiles would be above it.
  const at = (percentile: number): number => ms(Math.min(from.getValueAtPercentile(percentile), from.maxValue));
  return {
    count: from.totalCount,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: ms(from.maxValue),
  };
}

const perSecond = (count: number, overMs: number): number =>
  overMs > 0 ? Math.round((count * 10_000) / overMs) / 10 : 0;

export interface ReportInput {
  readonly options: LoadOptions;
  readonly productId: string;
  readonly tally: Tally;
  readonly repeats: Readonly<Record<string, number>>;
  readonly slowest: readonly SlowSaga[];
  readonly verdict: Verdict;
}

export function createReport({ options, productId, tally, repeats, slowest, verdict }: ReportInput): Report {
  const endings = Object.fromEntries(ENDINGS.map((ending) => [ending, endedAs(tally, ending)])) as Record<
    Ending,
    number
  >;
  return {
    productId,
    buyers: options.buyers,
    units: options.product ? null : options.units,
    sent: tally.sent,
    accepted: tally.accepted,
    refused: sumOf(tally.refused),
    failed: sumOf(tally.failed),
    ...endings,
    refusals: tally.refused,
    failures: tally.failed,
    troubles: tally.troubles,
    repeats,
    latency: {
      acceptance: percentiles(tally.acceptance),
      answer: percentiles(tally.answers),
      confirm: percentiles(tally.confirms),
    },
    acceptedPerSecond: perSecond(tally.accepted, tally.lastAcceptanceMs),
    sagasPerSecond: perSecond(tally.ended.length - endings.unended, tally.lastEndMs),
    lastAnswerMs: Math.round(tally.lastAnswerMs),
    lastSagaMs: Math.round(tally.lastEndMs),
    slowest,
    verdict,
  };
}

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ') || 'none';

const row = (name: string, { count, p50, p90, p99, p999, max }: Percentiles): string =>
  [name.padEnd(12), ...[count, p50, p90, p99, p999, max].map((value) => String(value).padStart(10))].join('');

const slowLine = ({ orderId, tookMs, ending, url }: SlowSaga): string =>
  ['', `${Math.round(tookMs)} ms`, ending, orderId, ...(url ? [url] : [])].join('  ');

export function reportText(report: Report): string {
  const { latency, verdict } = report;
  return [
    '',
    `product ${report.productId}: ${report.sent} checkouts sent`,
    `  accepted ${report.accepted}, refused ${report.refused} (${counts(report.refusals)}), failed ${report.failed} (${counts(report.failures)})`,
    `  of the accepted: ${ENDINGS.map((ending) => `${ending} ${report[ending]}`).join(', ')}`,
    `  sent again: ${counts(report.repeats)}; troubles: ${counts(report.troubles)}`,
    '',
    ['latency, ms'.padEnd(12), ...['n', 'p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => name.padStart(10))].join(''),
    row('202', latency.acceptance),
    row('any answer', latency.answer),
    row('confirm', latency.confirm),
    '',
    `last buyer answered after ${report.lastAnswerMs} ms (${report.acceptedPerSecond} accepted/s)`,
    `last saga ended after ${report.lastSagaMs} ms (${report.sagasPerSecond} sagas/s)`,
    '',
    'slowest orders, each with its saga (orders of one group share it):',
    ...report.slowest.map(slowLine),
    '',
    `verdict: ${verdict.ok ? 'ok' : 'NOT OK'}`,
    ...verdict.checks.map(
      ({ name, ok, detail }) => `  ${ok ? 'ok    ' : 'FAILED'} ${name}${detail ? `: ${detail}` : ''}`,
    ),
    '',
  ].join('\n');
}
