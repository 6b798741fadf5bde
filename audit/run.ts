/** How often the audit looks: once, until everything is quiet, or again and again during a sale. */
import { setTimeout as pause } from 'node:timers/promises';
import { type AuditDeps, type AuditReport, lasting, runAudit } from './audit';
import { CHECKS } from './index';

const LOOK_MS = 1_000;

/** Looks again until nothing is found or `waitMs` has passed. @returns the last report */
export async function auditUntilQuiet(deps: AuditDeps, waitMs: number): Promise<AuditReport> {
  const until = Date.now() + waitMs;
  for (;;) {
    const report = await runAudit(deps, CHECKS);
    if (report.ok || Date.now() >= until) return report;
    await pause(LOOK_MS);
  }
}

/** One look during a sale: reads twice and keeps what both times was the same. */
export async function auditTwice(deps: AuditDeps): Promise<AuditReport> {
  const before = await runAudit(deps, CHECKS);
  if (before.ok) return before;
  await pause(LOOK_MS);
  return lasting(before, await runAudit(deps, CHECKS));
}
