/** `npm run audit`: exit code 0 nothing found, 1 a violation, 2 a check could not be made. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { readConfig } from '../infra/process/config';
import type { AuditReport } from './audit';
import { AUDIT_SETTINGS, connectAudit } from './connect';
import { auditTwice, auditUntilQuiet } from './run';
import { reportText } from './show';

interface Options {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly wait: string;
  readonly observations?: string;
}

const EVERY_MS = 5_000;

const codeOf = ({ ok, checks }: AuditReport): number => (ok ? 0 : checks.some(({ error }) => error) ? 2 : 1);

async function main(): Promise<number> {
  const options = new Command('npm run audit --')
    .description('Checks the invariants over MariaDB, Redis, Temporal and the provider')
    .option('--json', 'one JSON object on standard output')
    .option('--watch', 'during a sale: look again and again, report what lasts')
    .option('--wait <seconds>', 'wait at most so long until everything is quiet', '0')
    .option('--observations <file>', 'what buyers were told, one JSON object a line')
    .parse()
    .opts<Options>();
  const { deps, close } = await connectAudit(readConfig(AUDIT_SETTINGS), options.observations);
  const show = (report: AuditReport): void =>
    void process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report));
  try {
    while (options.watch) {
      const report = await auditTwice(deps);
      show(report);
      if (!report.ok) return codeOf(report);
      await pause(EVERY_MS);
    }
    const report = await auditUntilQuiet(deps, Number(options.wait) * 1_000);
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
