/**
 * `npm test`: every suite on private servers, in a folder and on ports of its own, beside whatever else runs.
 *
 *   unit, integration, replay   four servers
 *   e2e, faults                 a complete stack, started and stopped by the launcher itself
 *
 * `--quick`: unit and integration of the core, for daily work. Ends with one line: `N passed, N failed`.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { say } from './launcher/display';
import { clearDeadRuns, createRun } from './launcher/runs';
import { type Counts, QUICK, SUITES } from './launcher/suites';
import { onServers, onStack, runOn } from './launcher/test-grounds';
import { untilTold } from './launcher/until-told';

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
  const needing = (needsStack: boolean) => suites.filter(({ stack }) => stack === needsStack);
  try {
    const counts = [
      ...(await runOn(homeOf('servers'), needing(false), onServers, stopping.signal)),
      ...(await runOn(homeOf('stack'), needing(true), onStack, stopping.signal)),
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
