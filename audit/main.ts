/** `npm run audit`: exit code 0 nothing found, 1 a violation, 2 a check could not be made. */
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../infra/process/config';
import { inTime } from '../infra/process/in-time';
import type { AuditDeps, AuditReport } from './audit';
import { AUDIT_SETTINGS, connectAudit } from './connect';
import { parseOptions } from './options';
import { exitWhenWritten, outliveReaders } from './output';
import { auditTwice, auditUntilQuiet, type DatedReport } from './run';
import { createShow } from './show';

const EVERY_MS = 5_000;

const codeOf = ({ ok, checks }: AuditReport): number => (ok ? 0 : checks.some(({ error }) => error) ? 2 : 1);

/** A store that does not answer must not keep the audit from ending. */
const CLOSE_MS = 2_000;

/** Resolves with null when somebody ends the watch, or nobody reads it any more. */
const untilEnded = (): Promise<null> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(null));
    outliveReaders(() => resolve(null));
  });

/** Looks until something is wrong, or somebody ends it: then every look so far was clean. */
async function watch(deps: AuditDeps, show: (report: DatedReport) => void): Promise<number> {
  const ended = untilEnded();
  for (;;) {
    const report = await Promise.race([auditTwice(deps), ended]);
    if (report === null) return 0;
    show(report);
    if (!report.ok) return codeOf(report);
    if ((await Promise.race([pause(EVERY_MS), ended])) === null) return 0;
  }
}

async function main(): Promise<number> {
  const options = parseOptions();
  const { deps, close } = await connectAudit(readConfig(AUDIT_SETTINGS), options.observations);
  const textOf = createShow(options);
  const show = (report: DatedReport): void => void process.stdout.write(textOf(report));
  try {
    if (options.watch) return await watch(deps, show);
    const report = await auditUntilQuiet(deps, options.wait * 1_000);
    show(report);
    return codeOf(report);
  } finally {
    await inTime(close(), CLOSE_MS).catch(() => undefined);
  }
}

outliveReaders();
void main()
  .catch((error: unknown) => {
    process.stderr.write(`audit: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  })
  .then(exitWhenWritten);
