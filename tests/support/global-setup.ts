/**
 * Gives every test file its servers: those that `npm test` or `npm run test:servers` has started, else private ones for
 * this run. Unit tests alone start none.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '@jest/types';
import { readJson } from '../../stack/launcher/home';
import { type Birth, isAlive } from '../../stack/launcher/process-life';
import { clearDeadRuns, createRun } from '../../stack/launcher/runs';
import { startTestServers, type TestServers } from '../../stack/launcher/test-servers';
import { SERVERS_VARIABLE } from './servers';

const ROOT = path.resolve(__dirname, '..', '..');

declare global {
  var stopTestServers: (() => Promise<void>) | undefined;
}

const held = (): TestServers | null => {
  const file = readJson<{ holder: Birth; servers: TestServers }>(path.join(ROOT, '.firstcome', 'test-servers.json'));
  return file && isAlive(file.holder) ? file.servers : null;
};

const needsServers = (config: Config.GlobalConfig): boolean => {
  const patterns = config.testPathPatterns.patterns;
  return patterns.length === 0 || patterns.some((pattern) => !/tests\/(unit|e2e|faults)/.test(pattern));
};

export default async function setUp(config: Config.GlobalConfig): Promise<void> {
  if (process.env[SERVERS_VARIABLE] || !needsServers(config)) return;
  let servers = held();
  if (!servers) {
    await clearDeadRuns(ROOT);
    const { dir, homeOf } = createRun(ROOT, 'jest-');
    const started = await startTestServers(homeOf('servers'), () => undefined);
    servers = started.servers;
    globalThis.stopTestServers = async () => {
      await started.stop();
      rmSync(dir, { recursive: true, force: true });
    };
  }
  process.env[SERVERS_VARIABLE] = JSON.stringify(servers);
}
