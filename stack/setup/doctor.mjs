/** `npm run doctor`, and the preflight of every start: can this machine run the system? */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { find, PROGRAMS, packageOf, rangeText, remedyFor } from './find.cjs';
import { missingPackages } from './packages.mjs';
import { toolsToFetch } from './tools.mjs';

const GIB = 1024 ** 3;
const DISK_GIB = 3;
const MEMORY_GIB = 4;
const FILES = 4096;
const NODE = [20, 19];

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

/** @returns null when there is none: then it is among the missing packages */
function server(program) {
  const found = find(program);
  if (!found) return null;
  const need = rangeText(program.range);
  return {
    name: program.what,
    ok: found.isFit,
    found: `${found.version ?? 'unknown'} (${found.file})`,
    need: found.isFit ? need : `${need}. ${remedyFor(program)}`,
  };
}

/** MariaDB keeps the version that wrote a data folder under one name before 11, under another since. */
const VERSION_FILES = ['mariadb_upgrade_info', 'mysql_upgrade_info'];

/** Data written by another major version would be upgraded in place, and could not go back. */
function data(home) {
  const file = VERSION_FILES.map((name) => path.join(home, 'data', 'mariadb', name)).find(existsSync);
  const written = file ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null;
  const running = Number.parseInt(find(PROGRAMS.mariadb)?.version ?? '', 10);
  if (written === null || Number.isNaN(running)) return null;
  return {
    name: 'MariaDB data',
    ok: written === running,
    found: `written by ${written}`,
    need: `${running} (or npm run reset)`,
  };
}

/** @returns each check with what was found and what is needed */
export function examine(root, home) {
  const toFetch = toolsToFetch({
    tools: path.join(root, '.firstcome', 'tools'),
    pins: path.join(root, 'stack', 'pins'),
  });
  const missing = missingPackages(toFetch).map((each) => ({
    name: each.what,
    ok: false,
    found: 'missing',
    need: `installed (package ${packageOf(each)})`,
    isInstallable: true,
  }));
  return [node(), disk(root), memory(), files(), ...Object.values(PROGRAMS).map(server), data(home), ...missing].filter(
    (check) => check !== null,
  );
}

export function show(checks, say) {
  for (const { name, ok, found, need } of checks)
    say(`  ${ok ? '✓' : '✗'} ${name.padEnd(14)} ${found}${ok ? '' : `   needs ${need}`}`);
}
