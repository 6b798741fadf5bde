/** A complete stack of this test alone, started as a user starts it: by `npm start`, in a state folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { Credentials } from '../../../stack/launcher/credentials';
import { readJson } from '../../../stack/launcher/home';
import { DATABASE } from '../../../stack/launcher/plan';
import { type Ports, portOf } from '../../../stack/launcher/ports';
import { birthOf, isAlive, startTimeOf } from '../../../stack/launcher/process-life';
import { createRun } from '../../../stack/launcher/runs';
import { endLeftovers, type StackFile } from '../../../stack/launcher/stack';
import { until } from '../../support/until';

const ROOT = path.resolve(__dirname, '..', '..', '..');
const START_MS = 300_000;
const STOP_MS = 90_000;

interface PidFile {
  readonly launcher: { readonly pid: number; readonly startedAt: string };
  readonly parts: Readonly<Record<string, { readonly pid: number; readonly startedAt: string }>>;
}

/** @param env settings, as a user puts them before `npm start` */
export function createOwnStack(env: Readonly<Record<string, string>> = {}) {
  const { dir, homeOf } = createRun(ROOT, 'start-');
  const home = homeOf('stack');
  let npm: ChildProcess | null = null;
  let output = '';

  const pids = (): PidFile => readJson<PidFile>(home.at('pids.json')) as PidFile;
  const file = (): StackFile => readJson<StackFile>(home.at('stack.json')) as StackFile;
  const part = (name: string) => {
    const found = file().parts[name];
    if (!found) throw new Error(`no part ${name}`);
    return found;
  };

  return {
    /** its state folder, for `connectSystem` */
    home,
    part,
    /** what the running start has printed so far */
    output: () => output,
    credentials: () => readJson<Credentials>(home.at('credentials.json')) as Credentials,
    /** its pid as others are told it */
    launcher: () => file().launcher,
    partNames: () => Object.keys(file().parts),

    /** Resolves once it says that it is ready. */
    async start(args: readonly string[] = []): Promise<void> {
      output = '';
      const child = spawn('npm', ['start', '--', ...args], {
        cwd: ROOT,
        env: { ...process.env, ...env, FIRSTCOME_HOME: home.dir },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      npm = child;
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString();
        });
      }
      await until(
        () => {
          if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}:\n${output}`);
          return output.includes('ready after');
        },
        { within: START_MS, what: `"ready" in:\n${output}` },
      );
    },

    /** Which of these processes, the launcher included, are alive now. */
    alive: (births: PidFile): string[] =>
      Object.entries({ launcher: births.launcher, ...births.parts })
        .filter(([, birth]) => isAlive(birth))
        .map(([name]) => name),

    births: () => pids(),

    /** One number out of its database. */
    async count(sql: string): Promise<number> {
      const { mysql } = readJson<Credentials>(home.at('credentials.json')) as Credentials;
      const port = portOf(readJson<Ports>(home.at('ports.json')) ?? {}, 'mariadb');
      const connection = await createConnection({ host: '127.0.0.1', port, ...mysql, database: DATABASE });
      try {
        const [rows] = await connection.query<RowDataPacket[]>(sql);
        return Number(Object.values(rows[0] ?? {})[0]);
      } finally {
        await connection.end();
      }
    },

    /** The last line a part has logged. */
    lastLine: (name: string): string => readFileSync(part(name).log, 'utf8').trim().split('\n').at(-1) ?? '',

    signalPart(name: string, signal: NodeJS.Signals): void {
      const { pid } = part(name);
      if (pid === null) throw new Error(`${name} is not running`);
      process.kill(pid, signal);
    },

    /** Kills the launcher as the out-of-memory killer does: nothing of it runs any more, its parts do. */
    async killLauncher(): Promise<void> {
      const { launcher } = pids();
      process.kill(launcher.pid, 'SIGKILL');
      await until(() => startTimeOf(launcher.pid) === null, { within: 5_000, what: 'the launcher to be gone' });
    },

    /** SIGTERM to npm, whose pid is all that a supervisor knows. */
    async stop(): Promise<void> {
      const child = npm;
      if (!child?.pid || child.exitCode !== null) return;
      const { launcher } = pids();
      child.kill('SIGTERM');
      await until(() => !isAlive(launcher), { within: STOP_MS, what: 'the launcher to have stopped' });
    },

    async destroy(): Promise<void> {
      const launcher = pids()?.launcher;
      if (launcher && birthOf(launcher.pid)?.startedAt === launcher.startedAt) process.kill(launcher.pid, 'SIGTERM');
      if (launcher) await until(() => !isAlive(launcher), { within: STOP_MS, what: 'the stack to stop' });
      await endLeftovers(home);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export type OwnStack = ReturnType<typeof createOwnStack>;
