/** `npm run doctor`, and the preflight of every start: can this machine run the system? */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { missingPackages } from './packages.mjs';
import { which } from './run.mjs';

const GIB = 1024 ** 3;
const DISK_GIB = 3;
const MEMORY_GIB = 4;
const FILES = 4096;
const NODE = [20, 19];

const versionOf = (command, args, pattern) => {
  try {
    // Some print their version on standard error.
    const said = execFileSync('sh', ['-c', `"$0" ${args} 2>&1`, command], { encoding: 'utf8' });
    return pattern.exec(said)?.[1] ?? null;
  } catch {
    return null;
  }
};

const inRange = (version, from, to) => {
  const number = Number.parseFloat(version);
  return number >= from && Math.floor(number) <= to;
};

function node() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const ok = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  return { name: 'Node', ok, found: process.version, need: `≥ ${NODE.join('.')}` };
}

function disk(root) {
  const { bavail, bsize } = statfsSync(root);
  const free = (bavail * bsize) / GIB;
  return { name: 'disk', ok: free >= DISK_GIB, found: `${free.toFixed(1)} GiB free`, need: `≥ ${DISK_GIB} GiB free` };
}

function memory() {
  const total = os.totalmem() / GIB;
  // A machine of 4 GB reports a little less than 4 GiB.
  return {
    name: 'memory',
    ok: total >= MEMORY_GIB * 0.9,
    found: `${total.toFixed(1)} GiB`,
    need: `≥ ${MEMORY_GIB} GiB`,
  };
}

function files() {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return {
    name: 'open files',
    ok: limit === 'unlimited' || Number(limit) >= FILES,
    found: limit,
    need: `≥ ${FILES} (ulimit -n ${FILES})`,
  };
}

function server(name, program, pattern, [from, to]) {
  if (!program) return null;
  const version = versionOf(program, '--version', pattern);
  return {
    name,
    ok: version !== null && inRange(version, from, to),
    found: version ?? 'unknown',
    need: `${from}–${to}`,
  };
}

/** Data written by another major version would be upgraded in place, and could not go back. */
function data(home) {
  const file = path.join(home, 'data', 'mariadb', 'mysql_upgrade_info');
  const written = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null;
  const program = which('mariadbd', 'mysqld');
  const running = program ? Number.parseInt(versionOf(program, '--version', /(\d+\.\d+)/) ?? '', 10) : null;
  if (written === null || running === null) return null;
  return {
    name: 'MariaDB data',
    ok: written === running,
    found: `written by ${written}`,
    need: `${running} (or npm run reset)`,
  };
}

/** @returns each check with what was found and what is needed */
export function examine(root, home) {
  const java = process.env.JAVA_HOME ? path.join(process.env.JAVA_HOME, 'bin', 'java') : which('java');
  const missing = missingPackages().map(({ what, apt }) => ({
    name: what,
    ok: false,
    found: 'missing',
    need: `installed (package ${apt})`,
    isInstallable: true,
  }));
  return [
    node(),
    disk(root),
    memory(),
    files(),
    server('MariaDB', which('mariadbd', 'mysqld'), /(?:Ver|from) (\d+\.\d+)/, [10.11, 12]),
    server('Redis', which('redis-server', 'redis-check-rdb'), /(?:v=|redis-check-rdb )(\d+\.\d+)/, [7, 8]),
    server('Java', java, /(?:version "|openjdk |java )(\d+)/, [17, 99]),
    data(home),
    ...missing,
  ].filter((check) => check !== null);
}

export function show(checks, say) {
  for (const { name, ok, found, need } of checks)
    say(`  ${ok ? '✓' : '✗'} ${name.padEnd(14)} ${found}${ok ? '' : `   needs ${need}`}`);
}
