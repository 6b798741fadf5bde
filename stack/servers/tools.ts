/**
 * Finding the servers' programs: environment variable, then PATH, then known places.
 * The tools folder is filled by set-up and shared by every stack of this clone.
 */
import { accessSync, constants, readdirSync } from 'node:fs';
import path from 'node:path';

export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
}

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export interface Wanted {
  /** environment variable that may name it */
  readonly variable: string;
  readonly names: readonly string[];
  /** absolute places besides PATH */
  readonly places?: readonly string[];
  /** what to tell whoever lacks it */
  readonly remedy: string;
}

/** @throws ToolMissing with the remedy */
export function findProgram({ variable, names, places = [], remedy }: Wanted, env = process.env): string {
  const named = env[variable];
  if (named) return named;
  const folders = [...(env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
  const candidates = [...folders.flatMap((folder) => names.map((name) => path.join(folder, name))), ...places];
  const found = candidates.find(isProgram);
  if (!found)
    throw new ToolMissing(
      `${names[0] ?? path.basename(places[0] ?? variable)} was not found. ${remedy} Or set ${variable}.`,
    );
  return found;
}

const APT = 'Install it with: apt-get install -y --no-install-recommends';

const jvms = (): string[] => {
  try {
    return readdirSync('/usr/lib/jvm').map((name) => path.join('/usr/lib/jvm', name, 'bin', 'java'));
  } catch {
    return [];
  }
};

export const findMariadbd = (): string =>
  findProgram({ variable: 'MARIADBD', names: ['mariadbd', 'mysqld'], remedy: `${APT} mariadb-server-core.` });
export const findMariadbInstall = (): string =>
  findProgram({
    variable: 'MARIADB_INSTALL_DB',
    names: ['mariadb-install-db', 'mysql_install_db'],
    remedy: `${APT} mariadb-server-core.`,
  });
/** Debian's redis-tools carries the server as redis-check-rdb; under the name redis-server it serves. */
export const findRedisServer = (): string =>
  findProgram({
    variable: 'REDIS_SERVER',
    names: ['redis-server', 'redis-check-rdb'],
    remedy: `${APT} redis-tools.`,
  });
export const findJava = (env = process.env): string =>
  findProgram({
    variable: 'FIRSTCOME_JAVA',
    names: ['java'],
    places: [...(env.JAVA_HOME ? [path.join(env.JAVA_HOME, 'bin', 'java')] : []), ...jvms()],
    remedy: `${APT} openjdk-17-jre-headless.`,
  });
export const findTemporal = (tools: string): string =>
  findProgram({
    variable: 'TEMPORAL_CLI',
    names: [],
    places: [path.join(tools, 'python', 'bin', 'temporal')],
    remedy: 'Run npm start once with a network: set-up fetches it.',
  });
export const findTemporalTestServer = (tools: string): string =>
  findProgram({
    variable: 'TEMPORAL_TEST_SERVER',
    names: [],
    places: [path.join(tools, 'python', 'bin', 'temporal-test-server')],
    remedy: 'Run npm test once with a network: set-up fetches it.',
  });
