/**
 * Who runs the stack of a state folder. `launcher/N` holds the launcher's pid and start time; the highest N counts.
 * A claim is a new highest file, made exclusively: of two launchers in the same moment one gets it, and nobody removes
 * a dead one's file to make room, which a slower third could mistake for its own chance. `pids.json` is written by the
 * holder: what the next start has to end after a kill -9.
 */
const { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { birthOf, endProcess, isAlive } = require('./process-life.cjs');

const LEFTOVER_GRACE_MS = 10_000;
/** End last: what writes to them ends first. */
const SERVERS = new Set(['mariadb', 'redis', 'kafka', 'temporal']);

const readJson = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
};

const folderOf = (dir) => path.join(dir, 'launcher');
const claimFile = (dir, number) => path.join(folderOf(dir), String(number));

function highest(dir) {
  try {
    return Math.max(0, ...readdirSync(folderOf(dir)).map(Number).filter(Number.isInteger));
  } catch {
    return 0;
  }
}

const isOther = (birth) => Boolean(birth) && birth.pid !== process.pid && isAlive(birth);

/** The launcher of this state folder that is alive and not this process, or null. */
function runningLauncher(dir, number = highest(dir)) {
  const claimed = readJson(claimFile(dir, number));
  if (isOther(claimed)) return claimed;
  const recorded = readJson(path.join(dir, 'pids.json'))?.launcher;
  return isOther(recorded) ? recorded : null;
}

/** Whole at once, so that nobody reads half of it. @returns false when the number is taken */
function take(dir, number) {
  const whole = path.join(folderOf(dir), `.${process.pid}.new`);
  writeFileSync(whole, JSON.stringify(birthOf(process.pid)));
  try {
    linkSync(whole, claimFile(dir, number));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}

/** Claims the folder for this process. @returns null when it is ours now, else who has it */
function claimLauncher(dir) {
  mkdirSync(folderOf(dir), { recursive: true });
  for (;;) {
    // The claim that is followed is the one that was looked at: looked up anew, it might be a living one's.
    const before = highest(dir);
    const other = runningLauncher(dir, before);
    if (other) return other;
    const number = before + 1;
    if (!take(dir, number)) continue;
    if (highest(dir) === number) {
      for (let old = number - 1; old > 0 && readJson(claimFile(dir, old)); old -= 1) rmSync(claimFile(dir, old));
      return null;
    }
    // Looked before another's claim and took a number that one had cleared away.
    rmSync(claimFile(dir, number), { force: true });
  }
}

/** Ends what a killed launcher left, by pid and start time. @returns the names */
async function endLeftovers(dir) {
  const parts = Object.entries(readJson(path.join(dir, 'pids.json'))?.parts ?? {});
  const left = parts.filter(([, birth]) => isAlive(birth));
  for (const ofServers of [false, true]) {
    const these = left.filter(([name]) => SERVERS.has(name) === ofServers);
    await Promise.all(these.map(([, birth]) => endProcess(birth, LEFTOVER_GRACE_MS)));
  }
  return left.map(([name]) => name);
}

module.exports = { claimLauncher, endLeftovers, runningLauncher };
