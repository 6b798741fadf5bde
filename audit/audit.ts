/**
 * The audit: one check per invariant, each reading the stores by itself and answering counts and offenders.
 * It changes nothing. At quiet (nothing under way) every check must hold; during a sale those that compare stores may
 * differ for a moment, which is what `--wait` and `--watch` are for.
 */
import type { Redis } from 'ioredis';
import type { Sql } from '../infra/mysql/transaction';
import type { Observation } from './observations';

export interface AuditDeps {
  readonly sql: Sql;
  readonly redis: Redis;
  readonly shop: string;
  /** is the workflow of this id running? By its id, never by visibility. */
  readonly isRunning: (workflowId: string) => Promise<boolean>;
  /** the sandbox's ledger; with another provider this is its settlement file */
  readonly captures: () => Promise<readonly ProviderCapture[]>;
  /** what buyers were told, if somebody wrote it down */
  readonly observations: readonly Observation[];
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

async function runOne(check: Check, deps: AuditDeps): Promise<CheckResult> {
  try {
    const finding = await check.run(deps);
    return { name: check.name, ok: finding.offenders.length === 0, ...finding };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { name: check.name, ok: false, error: text, counts: {}, offenders: [] };
  }
}

/** Runs every check. A check that could not be made is not ok. */
export async function runAudit(deps: AuditDeps, checks: readonly Check[]): Promise<AuditReport> {
  const results: CheckResult[] = [];
  for (const check of checks) results.push(await runOne(check, deps));
  return { ok: results.length > 0 && results.every((result) => result.ok), checks: results };
}

/** What stands in both: offenders that a moment later are offenders still, unchanged. */
export function lasting(before: AuditReport, after: AuditReport): AuditReport {
  const seen = new Map(
    before.checks.map((check) => [check.name, new Set(check.offenders.map((each) => JSON.stringify(each)))]),
  );
  const checks = after.checks.map((check) => {
    const offenders = check.offenders.filter((each) => seen.get(check.name)?.has(JSON.stringify(each)));
    return { ...check, offenders, ok: offenders.length === 0 && check.error === undefined };
  });
  return { ok: checks.every((check) => check.ok), checks };
}
