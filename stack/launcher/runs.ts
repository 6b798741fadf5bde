/**
 * Folders of test runs, below `.firstcome/runs`: one per run, named after nobody, with one state folder per stack in it.
 * A run that was killed leaves processes and folders; the next run ends and removes them.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { createHome, type Home, readJson, writeJson } from './home';
import { type Birth, birthOf, endProcess, isAlive } from './process-life';
import { endLeftovers, runningLauncher } from './stack';

export interface TestRun {
  readonly dir: string;
  /** the state folder of one stack of this run */
  homeOf(name: string): Home;
}

const LAUNCHER_GRACE_MS = 60_000;
/** A folder without its owner's name is being made, unless it is this old. */
const MAKING_MS = 60_000;

const ownerFile = (dir: string): string => path.join(dir, 'run.json');
const parentOf = (root: string): string => createHome(root, {}).folder('runs');

/** @param prefix says which kind of run, for whoever looks into the folder */
export function createRun(root: string, prefix: string): TestRun {
  const dir = mkdtempSync(path.join(parentOf(root), prefix));
  writeJson(ownerFile(dir), birthOf(process.pid));
  return { dir, homeOf: (name) => createHome(root, { FIRSTCOME_HOME: path.join(dir, name) }) };
}

function isOver(dir: string, homes: readonly Home[]): boolean {
  const owner = readJson<Birth>(ownerFile(dir));
  if (owner) return !isAlive(owner);
  return Date.now() - statSync(dir).mtimeMs > MAKING_MS && !homes.some(runningLauncher);
}

const homesIn = (root: string, dir: string): Home[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => createHome(root, { FIRSTCOME_HOME: path.join(dir, name) }));

/** Ends and removes what runs have left whose owner is dead. */
export async function clearDeadRuns(root: string): Promise<void> {
  const parent = parentOf(root);
  for (const dir of readdirSync(parent).map((name) => path.join(parent, name))) {
    const homes = homesIn(root, dir);
    if (!isOver(dir, homes)) continue;
    for (const home of homes) {
      const launcher = runningLauncher(home);
      if (launcher) await endProcess(launcher, LAUNCHER_GRACE_MS);
      await endLeftovers(home);
    }
    rmSync(dir, { recursive: true, force: true });
  }
}
