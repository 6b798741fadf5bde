/** What the suites of `npm test` run on: four servers, or a complete stack; there for them alone. */
import { say } from './display';
import type { Home } from './home';
import { type Counts, type Run, runSuite, type Suite } from './suites';
import { startTestServers } from './test-servers';
import { startTestStack } from './test-stack';

export interface Ground {
  /** for the tests to find it */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<unknown>;
}

export async function onServers(home: Home): Promise<Ground> {
  const { servers, stop } = await startTestServers(home, (sentence) => say(`  ${sentence}`));
  return { env: { FIRSTCOME_TEST_SERVERS: JSON.stringify(servers) }, stop };
}

export async function onStack(home: Home): Promise<Ground> {
  say('  starting a complete stack');
  const { stop } = await startTestStack(home);
  return { env: { FIRSTCOME_HOME: home.dir }, stop };
}

/** One suite after the other. */
export async function runOn(
  home: Home,
  suites: readonly Suite[],
  prepare: (home: Home) => Promise<Ground>,
  signal: Run['signal'],
) {
  if (suites.length === 0) return [];
  const ground = await prepare(home);
  const counts: Counts[] = [];
  try {
    for (const suite of suites) {
      counts.push(await runSuite(home, suite, { env: { ...process.env, ...ground.env }, signal }));
    }
  } finally {
    await ground.stop();
  }
  return counts;
}
