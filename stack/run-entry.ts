/** `npm run load | audit | histories`: runs an entry of ours with the environment of the stack of this folder. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { type Credentials, loadCredentials } from './launcher/credentials';
import { createHome, type Home, readJson } from './launcher/home';
import { commonEnv, LAUNCHERS_OWN } from './launcher/plan';
import type { Ports } from './launcher/ports';
import { runningLauncher } from './launcher/stack';

const ENTRIES = { load: 'load/main.js', audit: 'audit/main.js', histories: 'tests/replay/export.js' } as const;
export type EntryName = keyof typeof ENTRIES;

const adminEnv = ({ admin }: Credentials): Record<string, string> => ({
  ADMIN_USERNAME: admin.username,
  ADMIN_PASSWORD: admin.password,
});

/** The value of the last `--url`. */
function urlOf(argv: readonly string[]): string | undefined {
  const urls = argv.flatMap((each, index) => {
    if (each === '--url') return argv[index + 1] ?? [];
    return each.startsWith('--url=') ? each.slice('--url='.length) : [];
  });
  return urls.at(-1);
}
const plain = (url: string): string => url.replace(/\/+$/, '');

/**
 * The shell's environment, and over it the settings of this folder's stack, when one has been started and it is meant.
 * With `--url` of another system nothing of ours is added: the admin's password would be sent there.
 * @param shell the user's environment; addresses left over in it count only elsewhere
 */
export async function entryEnv(
  home: Home,
  argv: readonly string[],
  shell: NodeJS.ProcessEnv,
): Promise<NodeJS.ProcessEnv> {
  const given = { ...shell, FIRSTCOME_HOME: home.dir };
  const ports = readJson<Ports>(home.at('ports.json'));
  if (!ports) return given;
  const credentials = await loadCredentials(home);
  const stack = commonEnv({ home, ports, credentials, scale: {}, env: {} });
  const url = urlOf(argv);
  if (url !== undefined && plain(url) !== stack.PUBLIC_URL) return given;
  const kept = Object.entries(given).filter(([name]) => !LAUNCHERS_OWN.includes(name));
  return { ...Object.fromEntries(kept), ...stack, ...adminEnv(credentials) };
}

/** @returns the entry's exit code */
export async function main(argv: readonly string[], name: EntryName): Promise<number> {
  const home = createHome(path.resolve(__dirname, '..', '..'));
  if (name !== 'load' && !runningLauncher(home)) {
    process.stderr.write(`${name}: no stack of this folder is running: npm start first\n`);
    return 2;
  }
  const env = await entryEnv(home, argv, process.env);
  const entry = path.join(home.root, 'dist', ENTRIES[name]);
  const child = spawn(process.execPath, ['--enable-source-maps', entry, ...argv], { env, stdio: 'inherit' });
  // Ctrl-C reaches the child through the terminal; a signal sent to this pid alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
