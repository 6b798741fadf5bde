/**
 * The audit: one check per invariant, each reading the stores by itself and answering counts and offenders.
 * It changes nothing. At quiet (nothing under way) every check must hold; during a sale those that compare stores may
 * differ for a moment, which is what `--wait` and `--watch` are for.
 */
import type { Redis } from 'ioredis';
import type { Sql } from '../infra/mysql/transaction';
import { inTime } from '../infra/process/in-time';
import type { Observation } from './observations';

export interface AuditDeps {
  readonly sql: Sql;
  /** one view of all tables at one moment, whatever is committed meanwhile */
  readonly inSnapshot: <T>(read: (sql: Sql) => Promise<T>) => Promise<T>;
  readonly redis: Redis;
  readonly shop: string;
  /** is the workflow of this id running? By its id, never by visibility. */
  readonly isRunning: (workflowId: string) => Promise<boolean>;
  /** the sandbox's ledger; with another provider this is its settlement file */
  readonly captures: () => Promise<readonly ProviderCapture[]>;
  /** what buyers were told, if somebody wrote it down */
  readonly observations: readonly Observation[];
  /** buyers are buying: units that a step under way accounts for are no difference */
  readonly duringSale?: boolean;
}
export interface ProviderCapture {
  readonly paymentKey: string;
  readonly orderId: string;
  /** won */
  readonly amount: number;
  /** won given back of it */
  readonly refunded: number;
}

export interface Finding {
  readonly counts: Readonly<Record<string, number>>;
  /** ids with what is wrong about them; empty: the invariant holds */
  readonly offenders: readonly Offender[];
}
export type Offender = Readonly<Record<string, string | number | null>>;

export interface Check {
  /** `I1 stock adds up` */
  readonly name: string;
  /** compares stores that an order under way leaves a step apart: holds once that order has settled */
  readonly atQuiet?: boolean;
  /**
   * MariaDB alone, read at one moment, says that this is wrong: so it is, whatever moves meanwhile. Without it an offender
   * may be two stores that were read one after the other.
   */
  readonly isExact?: (offender: Offender) => boolean;
  run(deps: AuditDeps): Promise<Finding>;
}
export interface CheckResult extends Finding {
  readonly name: string;
  readonly ok: boolean;
  /** the check could not be made: a store did not answer */
  readonly error?: string;
}
export interface AuditReport {
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Far above what a check takes of a shop with a million orders. */
const CHECK_WITHIN_MS = 120_000;
const DATABASE_WITHIN_MS = 5_000;

async function runOne(check: Check, deps: AuditDeps): Promise<CheckResult> {
  try {
    // All of a check's statements see the same moment: what MariaDB promises at every commit is exact during a sale too.
    const finding = await inTime(
      deps.inSnapshot((sql) => check.run({ ...deps, sql })),
      CHECK_WITHIN_MS,
    );
    return { name: check.name, ok: finding.offenders.length === 0, ...finding };
  } catch (error) {
    return { name: check.name, ok: false, error: textOf(error), counts: {}, offenders: [] };
  }
}

/** A provider that does not answer is waited for once, not by each check that needs its word. */
function askedOnce(captures: AuditDeps['captures']): AuditDeps['captures'] {
  let silence: { readonly error: unknown } | null = null;
  return async () => {
    if (silence) throw silence.error;
    return captures().catch((error: unknown) => {
      silence = { error };
      throw error;
    });
  };
}

/** What keeps MariaDB from answering now, or null. */
const silenceOf = ({ sql }: AuditDeps): Promise<string | null> =>
  inTime(sql.rows('SELECT 1'), DATABASE_WITHIN_MS).then(
    () => null,
    (error: unknown) => `MariaDB does not answer: ${textOf(error)}`,
  );

/**
 * Runs every check. A check that could not be made is not ok. Without MariaDB none can: it is asked before each, so that one
 * which freezes in the midst is waited for by one check and not by all.
 */
export async function runAudit(deps: AuditDeps, checks: readonly Check[]): Promise<AuditReport> {
  const asking = { ...deps, captures: askedOnce(deps.captures) };
  const results: CheckResult[] = [];
  let silence: string | null = null;
  for (const check of checks) {
    silence ??= await silenceOf(deps);
    const { name } = check;
    results.push(
      silence ? { name, ok: false, error: silence, counts: {}, offenders: [] } : await runOne(check, asking),
    );
  }
  return { ok: results.length > 0 && results.every((result) => result.ok), checks: results };
}
