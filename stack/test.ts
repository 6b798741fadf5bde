/**
 * `npm test`: every suite on private servers, in a folder and on ports of its own, beside whatever else runs.
 *
 *   unit, integration, replay   four servers
 *   e2e, faults                 a complete stack, started and stopped by the launcher itself
 *
 * `--quick`: unit and integration of the core, for daily work. Ends with one line: `N passed, N failed`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { say } from './launcher/display';
import { type Home, readJson } from './launcher/home';
import { birthOf, endProcess } from './launcher/process-life';
import { clearDeadRuns, createRun } from './launcher/runs';
import { startTestServers } from './launcher/test-servers';
import { untilTold } from './launcher/until-told';

interface Suite {
  readonly name: string;
  readonly paths: readonly string[];
  readonly stack: boolean;
  /** one file after another: the files share the system and kill parts of it */
  readonly inBand?: boolean;
}

const SUITES: readonly Suite[] = [
  { name: 'unit', paths: ['tests/unit'], stack: false },
  { name: 'integration', paths: ['tests/integration'], stack: false },
  { name: 'replay', paths: ['tests/replay'], stack: false },
  { name: 'e2e', paths: ['tests/e2e'], stack: true, inBand: true },
  { name: 'faults', paths: ['tests/faults'], stack: true, inBand: true },
];
const QUICK: readonly Suite[] = [
  { name: 'unit', paths: ['tests/unit'], stack: false },
  { name: 'core', paths: ['tests/integration/(ledger|gate|operation|registry)'], stack: false },
];

interface Run {
  readonly env: NodeJS.ProcessEnv;
  /** aborts when the run is told to stop: what was started is stopped in order */
  readonly signal: AbortSignal;
}
interface Counts {
  readonly passed: number;
  readonly failed: number;
}
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

const STACK_WITHIN_MS = 300_000;
const STACK_GRACE_MS = 90_000;

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });

/** A suite that cannot be loaded counts as one failure; so does jest itself ending badly without a count. */
async function runSuite(home: Home, suite: Suite, { env, signal }: Run): Promise<Counts> {
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

/** A complete second stack, through the same launcher as `npm start`. */
async function startStack(home: Home) {
  const log = openSync(home.at('launcher.log'), 'a');
  const entry = path.join(home.root, 'stack', 'setup.mjs');
  const env = { ...process.env, FIRSTCOME_HOME: home.dir, ...STACK_SETTINGS };
  const child = spawn(process.execPath, [entry, 'start'], { env, stdio: ['ignore', log, log] });
  closeSync(log);
  const isUp = (): boolean => /ready after/.test(readFileSync(home.at('launcher.log'), 'utf8'));
  const until = Date.now() + STACK_WITHIN_MS;
  while (!isUp()) {
    if (child.exitCode !== null || Date.now() > until) {
      throw new Error(`the stack did not start:\n${readFileSync(home.at('launcher.log'), 'utf8').slice(-3_000)}`);
    }
    await pause(200);
  }
  return {
    async stop() {
      const birth = child.pid === undefined ? null : birthOf(child.pid);
      if (birth) await endProcess(birth, STACK_GRACE_MS);
    },
  };
}

/** Buyers of tests are many and quick; what they wait for should come soon. */
const STACK_SETTINGS = { RATE_LIMIT_PER_MINUTE: '1000000', SWEEP_EVERY_MS: '5000', LOG_LEVEL: 'info' };

async function runOnServers(home: Home, suites: readonly Suite[], signal: AbortSignal): Promise<Counts[]> {
  if (suites.length === 0) return [];
  const { servers, stop } = await startTestServers(home, (sentence) => say(`  ${sentence}`));
  const env = { ...process.env, FIRSTCOME_TEST_SERVERS: JSON.stringify(servers) };
  const counts: Counts[] = [];
  try {
    for (const suite of suites) counts.push(await runSuite(home, suite, { env, signal }));
  } finally {
    await stop();
  }
  return counts;
}

async function runOnStack(home: Home, suites: readonly Suite[], signal: AbortSignal): Promise<Counts[]> {
  if (suites.length === 0) return [];
  say('  starting a complete stack');
  const stack = await startStack(home);
  const env = { ...process.env, FIRSTCOME_HOME: home.dir };
  const counts: Counts[] = [];
  try {
    for (const suite of suites) counts.push(await runSuite(home, suite, { env, signal }));
  } finally {
    await stack.stop();
  }
  return counts;
}

const sum = (counts: readonly Counts[], of: keyof Counts): number =>
  counts.reduce((total, each) => total + each[of], 0);

/** @returns 0 only when tests ran and none failed */
export async function main(argv: readonly string[]): Promise<number> {
  const root = path.resolve(__dirname, '..', '..');
  await clearDeadRuns(root);
  const { dir, homeOf } = createRun(root, 'test-');
  const suites = argv.includes('--quick') ? QUICK : SUITES;
  const stopping = new AbortController();
  void untilTold().then((reason) => {
    say(`  stopping (${reason})`);
    stopping.abort();
  });
  const alone = suites.filter(({ stack }) => !stack);
  const whole = suites.filter(({ stack }) => stack);
  try {
    const counts = [
      ...(await runOnServers(homeOf('servers'), alone, stopping.signal)),
      ...(await runOnStack(homeOf('stack'), whole, stopping.signal)),
    ];
    if (sum(counts, 'failed') === 0) rmSync(dir, { recursive: true, force: true });
    else say(`  logs and data of this run: ${dir}`);
    say(`${sum(counts, 'passed')} passed, ${sum(counts, 'failed')} failed`);
    return sum(counts, 'failed') === 0 && sum(counts, 'passed') > 0 ? 0 : 1;
  } catch (error) {
    say(`  ✗ ${error instanceof Error ? error.message : String(error)}`);
    say('0 passed, 1 failed');
    return 1;
  } finally {
    // A suite that was cut off could not stop the stacks of its own.
    await clearDeadRuns(root);
  }
}
