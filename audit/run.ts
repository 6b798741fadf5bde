/** How often the audit looks: once, until everything is quiet, or again and again during a sale. */
import { setTimeout as pause } from 'node:timers/promises';
import { type AuditDeps, type AuditReport, lasting, runAudit } from './audit';
import { CHECKS } from './index';

const LOOK_MS = 1_000;

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

/** One look during a sale: reads twice and keeps what both times was the same. */
export async function auditTwice(deps: AuditDeps): Promise<DatedReport> {
  const before = await look(deps);
  if (before.ok) return before;
  await pause(LOOK_MS);
  const after = await look(deps);
  return { at: after.at, ...lasting(before, after) };
}
