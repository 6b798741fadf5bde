/** The suites of `npm test`, and one run of jest over one of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { say } from './display';
import { type Home, readJson } from './home';

export interface Suite {
  readonly name: string;
  readonly paths: readonly string[];
  readonly stack: boolean;
  /** one file after another: the files share the system and kill parts of it */
  readonly inBand?: boolean;
}

export const SUITES: readonly Suite[] = [
  { name: 'unit', paths: ['tests/unit'], stack: false },
  { name: 'integration', paths: ['tests/integration'], stack: false },
  { name: 'replay', paths: ['tests/replay'], stack: false },
  { name: 'e2e', paths: ['tests/e2e'], stack: true, inBand: true },
  { name: 'faults', paths: ['tests/faults'], stack: true, inBand: true },
];
/** Unit, and integration of the core: for daily work. */
export const QUICK: readonly Suite[] = [
  { name: 'unit', paths: ['tests/unit'], stack: false },
  { name: 'core', paths: ['tests/integration/(ledger|gate|operation|registry)'], stack: false },
];

export interface Run {
  readonly env: NodeJS.ProcessEnv;
  /** aborts when the run is told to stop: what was started is stopped in order */
  readonly signal: AbortSignal;
}
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });

/** A suite that cannot be loaded counts as one failure; so does jest itself ending badly without a count. */
export async function runSuite(home: Home, suite: Suite, { env, signal }: Run): Promise<Counts> {
  if (signal.aborted) return { passed: 0, failed: 1 };
  const report = home.at(`${suite.name}.json`);
  const jest = path.join(home.root, 'node_modules', 'jest', 'bin', 'jest.js');
  const options = ['--json', `--outputFile=${report}`, '--reporters=default', ...(suite.inBand ? ['--runInBand'] : [])];
  const startedAt = Date.now();
  const child = spawn(process.execPath, ['--no-warnings', jest, ...suite.paths, ...options], {
    cwd: home.root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
  });
  const code = await ended(child).catch(() => 1);
  const counts = readJson<JestReport>(report);
  const passed = counts?.numPassedTests ?? 0;
  const counted = (counts?.numFailedTests ?? 0) + (counts?.numRuntimeErrorTestSuites ?? 0);
  const failed = counted === 0 && (code !== 0 || passed === 0) ? 1 : counted;
  say(`\n  ${suite.name}: ${passed} passed, ${failed} failed in ${((Date.now() - startedAt) / 1_000).toFixed(0)} s\n`);
  return { passed, failed };
}
