/** What happened, counted: every buyer is in exactly one of the outcomes. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { LoadMember } from './members';
import type { Told } from './observations';

/** How an accepted order ended; `unended`: not within our patience. */
export type Ending = 'confirmed' | 'declined' | 'expired' | 'cancelled' | 'rejected' | 'refunded' | 'unended';
export const ENDINGS = [
  'confirmed',
  'declined',
  'expired',
  'cancelled',
  'rejected',
  'refunded',
  'unended',
] as const satisfies readonly Ending[];

export interface Ended {
  readonly orderId: string;
  readonly ending: Ending;
  /** ms from the intended time of the checkout to the end of the saga, as the buyer saw it */
  readonly tookMs: number;
}

export interface Newest {
  readonly orderId: string;
  readonly sequence: number;
  /** its buyer: nobody else may see its place */
  readonly member: Pick<LoadMember, 'accessToken'>;
}

export interface Tally {
  sent: number;
  accepted: number;
  /** refused by code, such as sold_out */
  readonly refused: Record<string, number>;
  /** neither accepted nor refused: what went wrong, as text */
  readonly failed: Record<string, number>;
  /** what went wrong after an acceptance; the order itself is among the ended */
  readonly troubles: Record<string, number>;
  /** buyers who have authorised a payment that their bank will honour */
  paid: number;
  /** the last in line, of those who pay and of those who do not: payers overtake, so only both tell how long it is */
  readonly newest: { payer: Newest | null; abandoner: Newest | null };
  readonly ended: Ended[];
  /** promises made to buyers, for the audit */
  readonly told: Told[];
  /** 202, and every first answer, from the intended send time */
  readonly acceptance: Histogram;
  readonly answers: Histogram;
  /** a confirm that was answered with 200, from its own send time */
  readonly confirms: Histogram;
  /** ms after the start */
  lastAcceptanceMs: number;
  lastAnswerMs: number;
  lastEndMs: number;
}

/** Microseconds up to an hour, three digits. */
const histogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 });

export const createTally = (): Tally => ({
  sent: 0,
  accepted: 0,
  refused: {},
  failed: {},
  troubles: {},
  paid: 0,
  newest: { payer: null, abandoner: null },
  ended: [],
  told: [],
  acceptance: histogram(),
  answers: histogram(),
  confirms: histogram(),
  lastAcceptanceMs: 0,
  lastAnswerMs: 0,
  lastEndMs: 0,
});

export const record = (into: Histogram, ms: number): void => into.recordValue(Math.max(1, Math.round(ms * 1_000)));

export const count = (into: Record<string, number>, name: string): void => {
  into[name] = (into[name] ?? 0) + 1;
};

export const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, each) => sum + each, 0);

export const endedAs = (tally: Tally, ending: Ending): number =>
  tally.ended.filter((each) => each.ending === ending).length;
