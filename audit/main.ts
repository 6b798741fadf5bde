/** `npm run audit`: exit code 0 nothing found, 1 a violation, 2 a check could not be made. */
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../infra/process/config';
import type { AuditReport } from './audit';
import { AUDIT_SETTINGS, connectAudit } from './connect';
import { parseOptions } from './options';
import { auditTwice, auditUntilQuiet, type DatedReport } from './run';
import { createShow } from './show';

const EVERY_MS = 5_000;

const codeOf = ({ ok, checks }: AuditReport): number => (ok ? 0 : checks.some(({ error }) => error) ? 2 : 1);

async function main(): Promise<number> {
  const options = parseOptions();
  const { deps, close } = await connectAudit(readConfig(AUDIT_SETTINGS), options.observations);
  const textOf = createShow(options);
  const show = (report: DatedReport): void => void process.stdout.write(textOf(report));
  try {
    while (options.watch) {
      const report = await auditTwice(deps);
      show(report);
      if (!report.ok) return codeOf(report);
      await pause(EVERY_MS);
    }
    const report = await auditUntilQuiet(deps, options.wait * 1_000);
    show(report);
    return codeOf(report);
  } finally {
    await close();
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`audit: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  },
);
