/**
 * The servers that come from the system's packages. Debian's -core packages bring the programs without a service,
 * an autostart or a port. Only what is missing is installed.
 */
import { createInterface } from 'node:readline/promises';
import { aptName, find, isKnownToApt, PROGRAMS } from './find.cjs';
import { run, SetupError, succeeds, which } from './run.mjs';

const { mariadb, redis, java } = PROGRAMS;
/** program → how it is found, and what brings it */
const NEEDED = [
  // One of an unfit version is left as it is: the doctor says what to do, and it may be in use.
  { what: 'MariaDB server', has: () => find(mariadb), apt: mariadb.apt, brew: mariadb.brew },
  { what: 'MariaDB client tools', has: () => which('mariadb', 'mysql'), apt: 'mariadb-client-core', brew: 'mariadb' },
  { what: 'Redis server', has: () => find(redis), apt: redis.apt, brew: redis.brew },
  {
    what: 'Java 17 or newer',
    has: () => find(java),
    apt: java.apt,
    aptNewer: java.aptNewer,
    brew: java.brew,
  },
];

/** Only to fetch: where what they bring is there already, nobody needs them. */
const FETCHING = {
  temporal: {
    what: 'Python 3 with venv',
    has: () => which('python3') && succeeds('python3', ['-m', 'ensurepip', '--version']),
    apt: 'python3-venv',
    brew: 'python',
  },
  kafka: { what: 'Maven', has: () => which('mvn'), apt: 'maven', brew: 'maven' },
};

/** @param toFetch which of `temporal` and `kafka` set-up has to get; by default none */
export const missingPackages = (toFetch = []) =>
  [...NEEDED, ...toFetch.map((name) => FETCHING[name])].filter(({ has }) => !has());

const APT = ['-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends'];
const QUIET = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' };

async function mayUseSudo(packages) {
  if (process.env.CI || !process.stdin.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`May set-up run: sudo apt-get install ${packages.join(' ')}? [Y/n] `);
  terminal.close();
  return !/^n/i.test(answer.trim());
}

async function installByApt(missing) {
  const isRoot = process.getuid() === 0;
  const names = () => missing.map(aptName);
  // Lists that are missing or old do not know them: fresh ones come first.
  const areKnown = () => names().every(isKnownToApt);
  const install = `apt-get install -y --no-install-recommends ${names().join(' ')}`;
  const manual = areKnown() ? `sudo ${install}` : `sudo apt-get update && sudo ${install}`;
  const why = `needed: ${missing.map(({ what }) => what).join(', ')}`;
  if (!isRoot && !succeeds('sudo', ['-n', 'true']))
    throw new SetupError(`${why}. Run this, then start again:\n  ${manual}`);
  if (!isRoot && !(await mayUseSudo(names()))) throw new SetupError(`${why}. Run this, then start again:\n  ${manual}`);
  const variables = Object.entries(QUIET).map(([name, value]) => `${name}=${value}`);
  const apt = (args) =>
    isRoot
      ? run('env', [...variables, 'apt-get', ...args])
      : run('sudo', ['-n', 'env', ...variables, 'apt-get', ...args]);
  if (!areKnown()) apt(['update']);
  try {
    apt([...APT, ...names()]);
  } catch {
    // The lists may be older than the mirror: once more with fresh ones.
    apt(['update']);
    apt([...APT, ...names()]);
  }
}

/** Installs what is missing. @throws SetupError with one sentence and the exact command when it cannot */
export async function installPackages(say, toFetch) {
  const missing = missingPackages(toFetch);
  if (missing.length === 0) return;
  say(`installing ${missing.map(({ what }) => what).join(', ')}`);
  if (which('apt-get')) await installByApt(missing);
  else if (which('brew')) run('brew', ['install', ...new Set(missing.map(({ brew }) => brew))]);
  else {
    throw new SetupError(
      `needed: ${missing.map(({ what }) => what).join(', ')}. Install them with your package manager, then start again.`,
    );
  }
  const still = missingPackages(toFetch);
  if (still.length > 0)
    throw new SetupError(`still not found after installing: ${still.map(({ what }) => what).join(', ')}`);
}
