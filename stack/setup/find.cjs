/**
 * Where programs are: one rule for set-up, doctor and launcher. The environment variable decides alone; without it
 * PATH, then known places, and of what is there the first of a fit version. CommonJS, so that compiled code reads it too.
 */
const { execFileSync, spawnSync } = require('node:child_process');
const { accessSync, constants, readdirSync, statSync } = require('node:fs');
const path = require('node:path');

/** Searched after PATH: sbin is not on every user's, Homebrew's is not on every shell's. */
const FURTHER = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/local/bin'];
const JVMS = '/usr/lib/jvm';

const jvms = () => {
  try {
    return readdirSync(JVMS)
      .sort()
      .map((name) => path.join(JVMS, name, 'bin', 'java'));
  } catch {
    return [];
  }
};

/** What has to be of a version: `range` is the oldest, as major.minor, and the newest major. */
const PROGRAMS = {
  mariadb: {
    what: 'MariaDB',
    variable: 'MARIADBD',
    names: ['mariadbd', 'mysqld'],
    places: () => [],
    asks: '--version',
    pattern: /(?:Ver|from) (\d+\.\d+)/,
    range: ['10.11', 12],
    apt: 'mariadb-server-core',
    brew: 'mariadb',
  },
  redis: {
    what: 'Redis',
    variable: 'REDIS_SERVER',
    // Debian's redis-tools carries the server as redis-check-rdb; under the name redis-server it serves.
    names: ['redis-server', 'redis-check-rdb'],
    places: () => [],
    asks: '--version',
    pattern: /(?:v=|redis-check-rdb )(\d+\.\d+)/,
    range: ['7.0', 8],
    apt: 'redis-tools',
    brew: 'redis',
  },
  java: {
    what: 'Java',
    variable: 'FIRSTCOME_JAVA',
    names: ['java'],
    places: ({ JAVA_HOME }) => [
      ...(JAVA_HOME ? [path.join(JAVA_HOME, 'bin', 'java')] : []),
      ...jvms(),
      '/opt/homebrew/opt/openjdk/bin/java',
    ],
    // Java 8 does not know --version.
    asks: '-version',
    pattern: /(?:version "|openjdk |java )(\d+(?:\.\d+)?)/,
    range: ['17', 99],
    apt: 'openjdk-17-jre-headless',
    // Debian 13 has no 17 any more.
    aptNewer: 'openjdk-21-jre-headless',
    brew: 'openjdk',
  },
};

const isProgram = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/** Every such program on PATH and in known places, in the order in which they are asked. */
function candidates(names, places = [], env = process.env) {
  const folders = [...(env.PATH ?? '').split(path.delimiter).filter(Boolean), ...FURTHER];
  const files = [...folders.flatMap((folder) => names.map((name) => path.join(folder, name))), ...places];
  return [...new Set(files)].filter(isProgram);
}

/** `10.6` is older than `10.11`: parts are compared as numbers. */
function isInRange(version, [from, lastMajor]) {
  const [major, minor = 0] = version.split('.').map(Number);
  const [fromMajor, fromMinor = 0] = from.split('.').map(Number);
  return major <= lastMajor && (major > fromMajor || (major === fromMajor && minor >= fromMinor));
}

/** Set-up reads this file here and the launcher its copy in dist/, in one process: they share what was answered. */
const ANSWERED = Symbol.for('firstcome.versions');
globalThis[ANSWERED] ??= new Map();
const versions = globalThis[ANSWERED];

/** Asked once per process: a JVM takes a third of a second to say. */
function versionOf(file, { asks, pattern }) {
  if (!versions.has(file)) versions.set(file, askVersion(file, asks, pattern));
  return versions.get(file);
}

function askVersion(file, asks, pattern) {
  try {
    // Some print their version on standard error.
    const said = execFileSync('sh', ['-c', `"$0" ${asks} 2>&1`, file], { encoding: 'utf8' });
    return pattern.exec(said)?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * @param program one of PROGRAMS
 * @returns the first fit one, else the first there is, else null: `{file, version, isFit}`
 */
function find(program, env = process.env) {
  const examined = (file) => {
    const version = versionOf(file, program);
    return { file, version, isFit: version !== null && isInRange(version, program.range) };
  };
  const named = env[program.variable];
  if (named) return examined(named);
  let first = null;
  for (const file of candidates(program.names, program.places(env), env)) {
    const found = examined(file);
    if (found.isFit) return found;
    first ??= found;
  }
  return first;
}

/** By the package lists of this machine; they may be older than the mirror, or not there at all. */
const isKnownToApt = (name) =>
  spawnSync('sh', ['-c', 'apt-cache show "$0" 2>/dev/null | grep -q .', name], { stdio: 'ignore' }).status === 0;

/** What brings it on this distribution: the newer package only where the lists have it and not the usual one. */
const aptName = ({ apt, aptNewer }) => (aptNewer && !isKnownToApt(apt) && isKnownToApt(aptNewer) ? aptNewer : apt);

/** The package that set-up would install here; whoever names one names this. */
const packageOf = (program) => (process.platform === 'darwin' ? program.brew : aptName(program));

const commandFor = (program) =>
  process.platform === 'darwin'
    ? `brew install ${packageOf(program)}`
    : `apt-get install -y --no-install-recommends ${packageOf(program)}`;

const rangeText = ([from, lastMajor]) => (lastMajor === 99 ? `${from} or newer` : `${from}–${lastMajor}`);

const remedyFor = (program) =>
  `Install it with: ${commandFor(program)} — or set ${program.variable} to a program that is.`;

/** What to tell whoever has none, or only one that is not fit. */
function sentenceFor(program, found) {
  const { what, range } = program;
  const state = found ? `${found.file} is ${found.version ?? 'of unknown version'}` : 'none was found';
  return `${what} ${rangeText(range)} is needed, and ${state}. ${remedyFor(program)}`;
}

module.exports = {
  PROGRAMS,
  aptName,
  candidates,
  find,
  isInRange,
  isKnownToApt,
  packageOf,
  rangeText,
  remedyFor,
  sentenceFor,
};
