/** `npm run audit`: exit code 0 nothing found, 1 a violation, 2 a check could not be made. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../infra/process/config';
import type { AuditReport } from './audit';
import { AUDIT_SETTINGS, connectAudit } from './connect';
import { auditTwice, auditUntilQuiet, type DatedReport } from './run';
import { createShow } from './show';

interface Options {
  readonly json?: boolean;
  readonly watch?: boolean;
  /** seconds */
  readonly wait: number;
  readonly observations?: string;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > WAIT_MAX_S) {
    throw new InvalidArgumentError(`must be seconds, from 0 to ${WAIT_MAX_S}`);
  }
  return value;
}

/** A day: whoever waits longer wants --watch. */
const WAIT_MAX_S = 86_400;
const EVERY_MS = 5_000;

const codeOf = ({ ok, checks }: AuditReport): number => (ok ? 0 : checks.some(({ error }) => error) ? 2 : 1);

async function main(): Promise<number> {
  const options = new Command('npm run audit --')
    .description('Checks the invariants over MariaDB, Redis, Temporal and the provider')
    .option('--json', 'one JSON object on standard output')
    .option('--watch', 'during a sale: look again and again, report what lasts')
    .option('--wait <seconds>', 'wait at most so long until everything is quiet', seconds, 0)
    .option('--observations <file>', 'what buyers were told, one JSON object a line')
    // 1 means a violation: arguments that make no sense are a check that could not be made.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .showHelpAfterError()
    .parse()
    .opts<Options>();
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
