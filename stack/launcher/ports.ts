/**
 * Ports are chosen once and kept in ports.json, so that URLs stay the same from start to start.
 * A port that is busy now moves to a free one, and what is printed tells the truth.
 */
import { createServer } from 'node:net';
import { type Home, readJson, writeJson } from './home';
import { claimPort } from './port-claims';

export type Ports = Readonly<Record<string, number>>;

/** What users know by heart; everything else takes what is free. */
export const WELL_KNOWN: Ports = { gateway: 8080, temporalUi: 8233, temporal: 7233, sandbox: 8090 };

const listens = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const got = typeof address === 'object' && address ? address.port : null;
      server.close(() => resolve(got));
    });
  });

/**
 * Below the ports that systems give to outgoing connections (Linux: from 32768): one of those could sit on a port of ours
 * between the look at it and the process that listens on it, and stay for as long as somebody's pool keeps it.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const anyPort = (): number => LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));

/** A port nobody listens on now and no other stack is about to; `wanted` when that is so. */
export async function freePort(wanted: number | undefined, taken: ReadonlySet<number>): Promise<number> {
  if (wanted && !taken.has(wanted) && (await listens(wanted)) !== null && claimPort(wanted)) return wanted;
  for (;;) {
    const port = anyPort();
    if (!taken.has(port) && (await listens(port)) !== null && claimPort(port)) return port;
  }
}

/**
 * One port per name: the kept one if it is free, else another.
 * @param preferred what a new folder begins with; further stacks (FIRSTCOME_HOME, tests) leave the well-known ones to `npm start`
 * @returns the ports, and the names whose port had to move
 */
export async function choosePorts(home: Home, names: readonly string[], preferred: Ports) {
  const file = home.at('ports.json');
  const kept = readJson<Record<string, number>>(file) ?? {};
  const ports: Record<string, number> = {};
  const moved: string[] = [];
  for (const name of names) {
    const wanted = kept[name] ?? preferred[name];
    const port = await freePort(wanted, new Set(Object.values(ports)));
    if (wanted && port !== wanted) moved.push(name);
    ports[name] = port;
  }
  writeJson(file, { ...kept, ...ports });
  return { ports, moved };
}

/** @throws when no such port was chosen: a mistake in the list of names */
export function portOf(ports: Ports, name: string): number {
  const port = ports[name];
  if (port === undefined) throw new Error(`no port was chosen for ${name}`);
  return port;
}
