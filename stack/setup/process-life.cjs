/**
 * Processes by pid and start time: a pid alone may belong to somebody else by now.
 * Linux reads /proc; elsewhere `ps` tells. CommonJS, so that `reset` works without a build and compiled code reads it too.
 */
const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');

/** When the process began, or null when there is none (zombies count as none). */
function startTimeOf(pid) {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold anything; fields count from behind it: state is the first, start time the 20th.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? null : (fields[19] ?? null);
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

const birthOf = (pid) => {
  const startedAt = startTimeOf(pid);
  return startedAt === null ? null : { pid, startedAt };
};

const isAlive = (birth) => startTimeOf(birth.pid) === birth.startedAt;

/**
 * Signals the group that the process leads, or the process alone when it leads none. Gone already is fine.
 * Once only: a second SIGTERM tells a process that is draining to give up.
 */
function signal(pid, name) {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, name);
      return;
    } catch {
      // gone, or leads no group
    }
  }
}

/** Waits until the process is gone. @returns false when it is still there after `withinMs` */
async function untilGone(birth, withinMs) {
  const until = Date.now() + withinMs;
  while (isAlive(birth)) {
    if (Date.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** SIGTERM, patience, SIGKILL. */
async function endProcess(birth, graceMs, first = 'SIGTERM') {
  if (!isAlive(birth)) return;
  signal(birth.pid, first);
  if (await untilGone(birth, graceMs)) return;
  signal(birth.pid, 'SIGKILL');
  await untilGone(birth, 5_000);
}

module.exports = { startTimeOf, birthOf, isAlive, signal, untilGone, endProcess };
