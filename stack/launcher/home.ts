/** Where a stack keeps everything it owns. One folder, git-ignored; `npm run reset` removes it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Home {
  /** the repository, or wherever dist/ lives */
  readonly root: string;
  /** the state folder, absolute */
  readonly dir: string;
  /** true for the folder that `npm start` uses unless told otherwise */
  readonly isUsual: boolean;
  /** a file or folder in it; parents are made */
  at(...parts: string[]): string;
  /** a folder in it, made */
  folder(...parts: string[]): string;
}

/** @param env FIRSTCOME_HOME names another folder, for a second complete stack */
export function createHome(root: string, env: Readonly<Record<string, string | undefined>> = process.env): Home {
  const dir = path.resolve(root, env.FIRSTCOME_HOME || '.firstcome');
  const at = (...parts: string[]): string => {
    const file = path.join(dir, ...parts);
    mkdirSync(path.dirname(file), { recursive: true });
    return file;
  };
  return {
    root,
    dir,
    isUsual: dir === path.join(root, '.firstcome'),
    at,
    folder: (...parts) => {
      const folder = path.join(dir, ...parts);
      mkdirSync(folder, { recursive: true });
      return folder;
    },
  };
}

/** The parsed file, or null when it is not there or half-written (then it is made anew). */
export function readJson<T>(file: string): T | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return null;
  }
}

/** Whole or not at all: readers never see half a file. */
export function writeJson(file: string, value: unknown, mode = 0o644): void {
  const half = `${file}.${process.pid}.new`;
  writeFileSync(half, `${JSON.stringify(value, null, 2)}\n`, { mode });
  renameSync(half, file);
}
