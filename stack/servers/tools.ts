/**
 * The servers' programs, found by the rule that set-up and doctor follow too (stack/setup/find.cjs).
 * The tools folder is filled by set-up and shared by every stack of this clone.
 */
import path from 'node:path';
import { candidates, find, PROGRAMS, type Program, sentenceFor } from '../setup/find.cjs';

export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
}

/** @throws ToolMissing with the remedy, also when only an unfit one is there */
function fitProgram(program: Program, env = process.env): string {
  const found = find(program, env);
  if (!found?.isFit) throw new ToolMissing(sentenceFor(program, found));
  return found.file;
}

export const findMariadbd = (env = process.env): string => fitProgram(PROGRAMS.mariadb, env);
export const findRedisServer = (env = process.env): string => fitProgram(PROGRAMS.redis, env);
export const findJava = (env = process.env): string => fitProgram(PROGRAMS.java, env);

interface Wanted {
  /** environment variable that may name it */
  readonly variable: string;
  readonly what: string;
  readonly remedy: string;
}

/** @throws ToolMissing with the remedy */
function firstOf(files: readonly string[], { variable, what, remedy }: Wanted): string {
  const file = process.env[variable] || files[0];
  if (!file) throw new ToolMissing(`${what} was not found. ${remedy} Or set ${variable}.`);
  return file;
}

export const findMariadbInstall = (): string =>
  firstOf(candidates(['mariadb-install-db', 'mysql_install_db']), {
    variable: 'MARIADB_INSTALL_DB',
    what: 'mariadb-install-db',
    remedy: 'Install it with: apt-get install -y --no-install-recommends mariadb-server-core.',
  });
export const findTemporal = (tools: string): string =>
  firstOf(candidates([], [path.join(tools, 'python', 'bin', 'temporal')]), {
    variable: 'TEMPORAL_CLI',
    what: 'temporal',
    remedy: 'Run npm start once with a network: set-up fetches it.',
  });
export const findTemporalTestServer = (tools: string): string =>
  firstOf(candidates([], [path.join(tools, 'python', 'bin', 'temporal-test-server')]), {
    variable: 'TEMPORAL_TEST_SERVER',
    what: 'temporal-test-server',
    remedy: 'Run npm test once with a network: set-up fetches it.',
  });
