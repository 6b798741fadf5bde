/** `npm run load | audit | histories`: runs an entry of ours with the environment of the stack of this folder. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { type Credentials, loadCredentials } from './launcher/credentials';
import { createHome, type Home, readJson } from './launcher/home';
import { commonEnv } from './launcher/plan';
import type { Ports } from './launcher/ports';
import { runningLauncher } from './launcher/stack';

const ENTRIES = { load: 'load/main.js', audit: 'audit/main.js', histories: 'tests/replay/export.js' } as const;
export type EntryName = keyof typeof ENTRIES;

const adminEnv = ({ admin }: Credentials): Record<string, string> => ({
  ADMIN_USERNAME: admin.username,
  ADMIN_PASSWORD: admin.password,
});

/** The stack's own settings; empty when none has been started here (load may be aimed elsewhere with --url). */
async function stackEnv(home: Home): Promise<Record<string, string>> {
  const ports = readJson<Ports>(home.at('ports.json'));
  if (!ports) return {};
  const credentials = await loadCredentials(home);
  return { ...commonEnv({ home, ports, credentials, scale: {}, env: {} }), ...adminEnv(credentials) };
}

/** @returns the entry's exit code */
export async function main(argv: readonly string[], name: EntryName): Promise<number> {
  const home = createHome(path.resolve(__dirname, '..', '..'));
  if (name !== 'load' && !runningLauncher(home)) {
    process.stderr.write(`${name}: no stack of this folder is running: npm start first\n`);
    return 2;
  }
  const env = { ...process.env, FIRSTCOME_HOME: home.dir, ...(await stackEnv(home)) };
  const entry = path.join(home.root, 'dist', ENTRIES[name]);
  const child = spawn(process.execPath, ['--enable-source-maps', entry, ...argv], { env, stdio: 'inherit' });
  // Ctrl-C reaches the child through the terminal; a signal sent to this pid alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
