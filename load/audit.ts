/**
 * Asks the audit, as the operator would: the command of its own, in a process of its own.
 * It reads the stores; the load itself speaks public HTTP only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Check } from './verdict';

interface AuditCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly counts?: unknown;
  readonly offenders?: readonly unknown[];
}

/** seconds the audit may wait until everything is quiet */
const WAIT_S = '60';
const TIMEOUT_MS = 180_000;
const OFFENDERS_SHOWN = 5;

/** The audit's checks; one failed check when it could not be run. */
export async function runAudit(env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  try {
    const checks = await askAudit(env);
    return checks.length > 0 ? checks.map(checkOf) : [notRun('it made no check')];
  } catch (error) {
    return [notRun(error instanceof Error ? error.message : String(error))];
  }
}

const notRun = (detail: string): Check => ({ name: 'audit', ok: false, detail: `not run: ${detail}` });

async function askAudit(env: NodeJS.ProcessEnv): Promise<readonly AuditCheck[]> {
  const child = spawn(process.execPath, [join(__dirname, '..', 'audit', 'main.js'), '--json', '--wait', WAIT_S], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>]);
  const answer = parse(output);
  if (!answer) throw new Error(`no answer, exit code ${code}`);
  return answer.checks;
}

function parse(output: string): { readonly checks: readonly AuditCheck[] } | null {
  try {
    const answer = JSON.parse(output) as { checks?: readonly AuditCheck[] };
    return Array.isArray(answer.checks) ? { checks: answer.checks } : null;
  } catch {
    return null;
  }
}

function checkOf({ name, ok, counts, offenders = [] }: AuditCheck): Check {
  const shown = offenders.slice(0, OFFENDERS_SHOWN).map((offender) => JSON.stringify(offender));
  const detail = ok ? JSON.stringify(counts ?? {}) : `${offenders.length} offenders: ${shown.join(', ')}`;
  return { name: `audit ${name}`, ok, detail };
}
