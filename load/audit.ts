/**
 * Asks the audit, as the operator would: the command of its own, in a process of its own.
 * It reads the stores; the load itself speaks public HTTP only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LoadOptions } from './options';
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

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the audit says of the system that was loaded. Left out when that was asked for; not run, which is a failed check,
 * when the load went elsewhere: the stores that `env` names would be another system's, and its "nothing found" a lie.
 * @param observations file of what buyers were told
 */
export async function auditChecks(
  options: Pick<LoadOptions, 'audit' | 'url'>,
  env: Environment,
  observations: string,
): Promise<readonly Check[]> {
  if (!options.audit) return [{ name: 'audit', ok: true, detail: 'left out, as --no-audit asks' }];
  if (options.url && !isSame(options.url, env.PUBLIC_URL)) {
    return [notRun('the stores of that system are not known here; give --no-audit to do without')];
  }
  return runAudit(env, observations);
}

const isSame = (url: string, other: string | undefined): boolean => other !== undefined && plain(url) === plain(other);
const plain = (url: string): string => url.replace(/\/+$/, '');

/** The audit's checks; one failed check when it could not be run. */
async function runAudit(env: Environment, observations: string): Promise<readonly Check[]> {
  try {
    const checks = await askAudit(env, observations);
    return checks.length > 0 ? checks.map(checkOf) : [notRun('it made no check')];
  } catch (error) {
    return [notRun(error instanceof Error ? error.message : String(error))];
  }
}

const notRun = (detail: string): Check => ({ name: 'audit', ok: false, detail: `not run: ${detail}` });

async function askAudit(env: Environment, observations: string): Promise<readonly AuditCheck[]> {
  const main = join(__dirname, '..', 'audit', 'main.js');
  const args = [main, '--json', '--wait', WAIT_S, '--observations', observations];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: TIMEOUT_MS });
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
