/**
 * Stacks that start in the same minute must not choose the same port: between choosing and listening lie seconds.
 * A claim is a file per port, shared by all stacks of this user, that names its launcher; a dead launcher's claim is free.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { type Birth, birthOf, isAlive } from './process-life';

const folder = (): string => {
  const dir = path.join(tmpdir(), `firstcome-ports-${userInfo().username}`);
  mkdirSync(dir, { recursive: true });
  return dir;
};

const textOf = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
};

/** @returns true when the port is ours now, or was already */
export function claimPort(port: number): boolean {
  const file = path.join(folder(), String(port));
  const mine = JSON.stringify(birthOf(process.pid));
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      // Exclusive: of two at once one succeeds.
      writeFileSync(file, mine, { flag: 'wx' });
      return true;
    } catch {
      if (isHeld(file, mine)) return textOf(file) === mine;
      rmSync(file, { force: true });
    }
  }
  return false;
}

const WRITING_MS = 1_000;

/** Held by a living launcher, this one included; a file without content is being written this moment. */
function isHeld(file: string, mine: string): boolean {
  try {
    const text = readFileSync(file, 'utf8');
    if (text === mine) return true;
    return isAlive(JSON.parse(text) as Birth);
  } catch {
    const born = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return Date.now() - born < WRITING_MS;
  }
}
