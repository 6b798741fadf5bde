/** The complete stack that e2e and fault tests meet: started and stopped by the launcher itself, as a user's. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Home } from './home';
import { birthOf, endProcess } from './process-life';

const STACK_WITHIN_MS = 300_000;
const STACK_GRACE_MS = 90_000;

/** Buyers of tests are many and quick; what they wait for should come soon. */
const STACK_SETTINGS = { RATE_LIMIT_PER_MINUTE: '1000000', SWEEP_EVERY_MS: '5000', LOG_LEVEL: 'info' };

/** Resolves once it is ready. @throws with the end of its log when it does not start */
export async function startTestStack(home: Home) {
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
