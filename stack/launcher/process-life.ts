/**
 * Processes by pid and start time: a pid alone may belong to somebody else by now.
 * Linux reads /proc; elsewhere `ps` tells.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Birth {
  readonly pid: number;
  /** opaque; equal only for the same process */
  readonly startedAt: string;
}

/** When the process began, or null when there is none (zombies count as none). */
export function startTimeOf(pid: number): string | null {
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

export const birthOf = (pid: number): Birth | null => {
  const startedAt = startTimeOf(pid);
  return startedAt === null ? null : { pid, startedAt };
};

export const isAlive = (birth: Birth): boolean => startTimeOf(birth.pid) === birth.startedAt;

/**
 * Signals the group that the process leads, or the process alone when it leads none. Gone already is fine.
 * Once only: a second SIGTERM tells a process that is draining to give up.
 */
export function signal(pid: number, name: NodeJS.Signals): void {
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
export async function untilGone(birth: Birth, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (isAlive(birth)) {
    if (Date.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** SIGTERM, patience, SIGKILL. */
export async function endProcess(birth: Birth, graceMs: number, first: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!isAlive(birth)) return;
  signal(birth.pid, first);
  if (await untilGone(birth, graceMs)) return;
  signal(birth.pid, 'SIGKILL');
  await untilGone(birth, 5_000);
}
