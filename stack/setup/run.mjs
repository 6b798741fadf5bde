/** Running other programs for set-up: quiet when it goes well, what they said last when it does not, all of it in a log. */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { candidates } from './find.cjs';

export class SetupError extends Error {}

let log = null;

/** From here on, what is run is written down in this file, with all that it said. */
export function logTo(file) {
  log = file;
}

/** @throws SetupError with the command and the end of its output */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  const said = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? String(result.error) : ''}`;
  if (log) appendFileSync(log, `${new Date().toISOString()} $ ${command} ${args.join(' ')}\n${said}\n`);
  if (result.status === 0) return result.stdout ?? '';
  const place = log ? ` (all it said: ${log})` : '';
  throw new SetupError(`${command} ${args.join(' ')} failed${place}:\n${said.split('\n').slice(-25).join('\n')}`);
}

export const succeeds = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The first of these programs on PATH or in the usual further places, or null. */
export const which = (...names) => candidates(names)[0] ?? null;
