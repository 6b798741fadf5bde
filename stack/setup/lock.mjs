/** One set-up at a time per clone: a folder is made by one and waited for by the others; a dead owner's is taken over. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { birthOf, isAlive } from './process-life.cjs';

const WAIT_MS = 900_000;
/** Waited this long, the user is told why. */
const TELL_MS = 1_500;

/** Who holds it, by pid and start time: a pid alone may be somebody else's by now. Null while it is being written down. */
const ownerOf = (folder) => {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'owner'), 'utf8'));
  } catch {
    return null;
  }
};

const take = (folder) => {
  try {
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'owner'), JSON.stringify(birthOf(process.pid)));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
};

/** Runs `work` while nobody else of this clone sets up. */
export async function withLock(folder, work, say) {
  const until = Date.now() + WAIT_MS;
  let ownerless = 0;
  for (let told = false; !take(folder); ) {
    const owner = ownerOf(folder);
    // Without an owner it is being made this very moment, or its maker died in that moment.
    ownerless = owner === null ? ownerless + 1 : 0;
    if ((owner !== null && !isAlive(owner)) || ownerless > 20) {
      rmSync(folder, { recursive: true, force: true });
      continue;
    }
    if (Date.now() > until) throw new Error(`another set-up (pid ${owner?.pid}) holds ${folder} for too long`);
    // Nothing to fetch or build takes a moment: not worth a word.
    if (!told && owner !== null && Date.now() > until - WAIT_MS + TELL_MS) {
      say(`another set-up is under way (pid ${owner.pid}): waiting for it`);
      told = true;
    }
    await pause(200);
  }
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
