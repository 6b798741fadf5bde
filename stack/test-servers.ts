/** `npm run test:servers`: servers for daily work on tests, held until Ctrl-C; single test files then start at once. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { say } from './launcher/display';
import { createHome, writeJson } from './launcher/home';
import { birthOf } from './launcher/process-life';
import { startTestServers, TestServersRunning } from './launcher/test-servers';
import { untilTold } from './launcher/until-told';

/** @returns the exit code */
export async function main(): Promise<number> {
  try {
    await hold();
    return 0;
  } catch (error) {
    if (!(error instanceof TestServersRunning)) throw error;
    say(`  ✗ ${error.message}`);
    return 1;
  }
}

async function hold(): Promise<void> {
  const root = path.resolve(__dirname, '..', '..');
  const told = untilTold();
  const { servers, stop } = await startTestServers(
    createHome(root, { FIRSTCOME_HOME: '.firstcome/test-servers' }),
    (sentence) => say(`  ${sentence}`),
  );
  const file = createHome(root, {}).at('test-servers.json');
  writeJson(file, { holder: birthOf(process.pid), servers });
  say(`  test servers are up; Ctrl-C stops them`);
  await told;
  rmSync(file, { force: true });
  await stop();
}
