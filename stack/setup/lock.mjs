/**
 * One set-up at a time per clone: a folder is made by one and waited for by the others; a dead owner's is taken over.
 *
 * The folder holds one file, whose name says who holds it, by pid and start time: a pid alone may be somebody else's by now.
 * Each change is one rename, which succeeds for one of several who try it at once:
 * - taking: a folder made ready beside it is renamed to it, which fails while it holds a file;
 * - taking over: the dead one's file is renamed to the new owner's. *Not by removing the folder*: who is slower than
 *   another would remove the lock that the other has made meanwhile.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { birthOf, isAlive } from './process-life.cjs';

const WAIT_MS = 900_000;
/** Waited this long, the user is told why. */
const TELL_MS = 1_500;

const nameOf = ({ pid, startedAt }) => `${pid}-${encodeURIComponent(startedAt)}`;

function parseName(name) {
  const [, pid, startedAt] = /^(\d+)-(.+)$/.exec(name) ?? [];
  return pid === undefined ? null : { pid: Number(pid), startedAt: decodeURIComponent(startedAt) };
}

/** Earlier versions wrote down the owner in a file of this name. */
const readOldOwner = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
};

/** What the folder holds: `{name, birth}` of its owner; null when it is free. */
function ownerOf(folder) {
  try {
    const [name] = readdirSync(folder);
    if (name === undefined) return null;
    return { name, birth: parseName(name) ?? readOldOwner(path.join(folder, name)) };
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns false when one of these codes says that another was faster */
function tryRename(from, to, codes) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codes.includes(error.code)) return false;
    throw error;
  }
}
const take = (folder, ready) => tryRename(ready, folder, ['ENOTEMPTY', 'EEXIST']);
const takeOver = (folder, name, own) => tryRename(path.join(folder, name), path.join(folder, own), ['ENOENT']);

/** @param ready a folder that holds our file */
async function hold({ folder, ready, own, say }) {
  const begun = Date.now();
  for (let told = false; !take(folder, ready); ) {
    const owner = ownerOf(folder);
    if (owner === null) continue;
    const { name, birth } = owner;
    if (birth === null || !isAlive(birth)) {
      if (takeOver(folder, name, own)) return;
      continue;
    }
    if (Date.now() > begun + WAIT_MS) throw new Error(`another set-up (pid ${birth.pid}) holds ${folder} for too long`);
    // Nothing to fetch or build takes a moment: not worth a word.
    if (!told && Date.now() > begun + TELL_MS) {
      say(`another set-up is under way (pid ${birth.pid}): waiting for it`);
      told = true;
    }
    await pause(200);
  }
}

function release(folder, own) {
  // Its folder may have been removed by hand meanwhile: what the work came to matters more.
  rmSync(path.join(folder, own), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // the next one holds it already
  }
}

/** Runs `work` while nobody else of this clone sets up. */
export async function withLock(folder, work, say) {
  const own = nameOf(birthOf(process.pid));
  const ready = `${folder}.${process.pid}`;
  // A dead one of this pid may have left its own.
  rmSync(ready, { recursive: true, force: true });
  mkdirSync(ready);
  writeFileSync(path.join(ready, own), '');
  try {
    await hold({ folder, ready, own, say });
  } finally {
    rmSync(ready, { recursive: true, force: true });
  }
  try {
    return await work();
  } finally {
    release(folder, own);
  }
}
