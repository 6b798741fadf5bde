/** Running other programs for set-up: quiet when it goes well, everything they said when it does not. */
import { spawnSync } from 'node:child_process';
import { candidates } from './find.cjs';

export class SetupError extends Error {}

/** @throws SetupError with the command and the end of its output */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (result.status === 0) return result.stdout ?? '';
  const said = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? String(result.error) : ''}`;
  throw new SetupError(`${command} ${args.join(' ')} failed:\n${said.split('\n').slice(-25).join('\n')}`);
}

export const succeeds = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The first of these programs on PATH or in the usual further places, or null. */
export const which = (...names) => candidates(names)[0] ?? null;
