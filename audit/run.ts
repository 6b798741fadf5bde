/** How often the audit looks: once, until everything is quiet, or again and again during a sale. */
import { setTimeout as pause } from 'node:timers/promises';
import { type AuditDeps, type AuditReport, runAudit } from './audit';
import { CHECKS } from './index';
import { certain, lasting, readVersions } from './lasting';

const LOOK_MS = 1_000;
/** Above the gate worker's drift check (DRIFT_EVERY_MS, three seconds): what it mends is no finding. */
const SALE_LOOKS_APART_MS = 5_000;

export interface DatedReport extends AuditReport {
  /** when the look that is reported began: RFC 3339, UTC */
  readonly at: string;
}

async function look(deps: AuditDeps): Promise<DatedReport> {
  const at = new Date().toISOString();
  return { at, ...(await runAudit(deps, CHECKS)) };
}

/** Looks again until nothing is found or `waitMs` has passed. @returns the last report */
export async function auditUntilQuiet(deps: AuditDeps, waitMs: number): Promise<DatedReport> {
  const until = Date.now() + waitMs;
  for (;;) {
    const report = await look(deps);
    if (report.ok || Date.now() >= until) return report;
    await pause(LOOK_MS);
  }
}

/** Offenders cannot be judged without versions: a check that could not be made. What is certain stays told. */
function unjudged(report: DatedReport, error: unknown): DatedReport {
  const text = error instanceof Error ? error.message : String(error);
  const failed = { name: 'versions', ok: false, error: text, counts: {}, offenders: [] };
  return { at: report.at, ok: false, checks: [...certain(report).checks, failed] };
}

/** One look during a sale: what is certain at once, else reads twice and keeps what lasted, see lasting.ts. */
export async function auditTwice(sale: AuditDeps, apartMs = SALE_LOOKS_APART_MS): Promise<DatedReport> {
  const deps = { ...sale, duringSale: true };
  const before = await look(deps);
  if (before.ok) return before;
  const sure = certain(before);
  if (sure.checks.some(({ offenders }) => offenders.length > 0)) return { at: before.at, ...sure };
  try {
    const first = { report: before, versions: await readVersions(deps, before) };
    await pause(apartMs);
    const after = await look(deps);
    const second = { report: after, versions: await readVersions(deps, before) };
    return { at: after.at, ...lasting(first, second) };
  } catch (error) {
    return unjudged(before, error);
  }
}
