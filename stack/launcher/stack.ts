/** The parts together: started layer by layer, written down for others and for the next start, stopped in reverse. */
import { type Home, readJson, writeJson } from './home';
import { createPart, type Part, type PartSpec } from './part';
import { type Birth, birthOf, endProcess, isAlive } from './process-life';

/** stack.json: what runs where, for load scripts, the audit and tests. */
export interface StackFile {
  readonly launcher: number;
  readonly parts: Readonly<
    Record<string, { url?: string; pid: number | null; log: string; state: string; restarts: number }>
  >;
}
/** pids.json: what the next start has to end after a kill -9. */
interface PidFile {
  readonly launcher: Birth | null;
  readonly parts: Readonly<Record<string, Birth>>;
}

const LEFTOVER_GRACE_MS = 10_000;

/** The launcher of this state folder that is alive, if any. */
export function runningLauncher(home: Home): Birth | null {
  const { launcher } = readJson<PidFile>(home.at('pids.json')) ?? { launcher: null };
  return launcher && launcher.pid !== process.pid && isAlive(launcher) ? launcher : null;
}

/** Ends what a killed launcher left, by pid and start time. @returns the names */
export async function endLeftovers(home: Home): Promise<string[]> {
  const left = Object.entries(readJson<PidFile>(home.at('pids.json'))?.parts ?? {}).filter(([, birth]) =>
    isAlive(birth),
  );
  // The servers last: what writes to them ends first.
  const servers = new Set(['mariadb', 'redis', 'kafka', 'temporal']);
  for (const ofServers of [false, true]) {
    const these = left.filter(([name]) => servers.has(name) === ofServers);
    await Promise.all(these.map(([, birth]) => endProcess(birth, LEFTOVER_GRACE_MS)));
  }
  return left.map(([name]) => name);
}

export interface Stack {
  readonly parts: readonly Part[];
  /** Starts the chosen parts side by side; resolves when all of them serve. */
  start(chosen: (spec: PartSpec) => boolean, onReady: (part: Part, ms: number) => void): Promise<void>;
  /** Layer after layer, from high to low. */
  stop(): Promise<void>;
}

export function createStack(home: Home, specs: readonly PartSpec[], say: (sentence: string) => void): Stack {
  const record = (): void => {
    const births = parts.flatMap((part): [string, Birth][] => {
      const birth = part.birth();
      return birth ? [[part.spec.name, birth]] : [];
    });
    writeJson(home.at('pids.json'), {
      launcher: birthOf(process.pid),
      parts: Object.fromEntries(births),
    } satisfies PidFile);
    const shown = parts.map((part) => [
      part.spec.name,
      {
        ...(part.spec.url ? { url: part.spec.url } : {}),
        pid: part.birth()?.pid ?? null,
        log: part.spec.log,
        state: part.state(),
        restarts: part.restarts(),
      },
    ]);
    writeJson(home.at('stack.json'), { launcher: process.pid, parts: Object.fromEntries(shown) } satisfies StackFile);
  };
  const parts: Part[] = specs.map((spec) => createPart(spec, { onChange: record, say }));
  const layers = [...new Set(specs.map((spec) => spec.layer))].sort((a, b) => a - b);
  let isStopping = false;
  const inLayer = (layer: number): Part[] => parts.filter((part) => part.spec.layer === layer);

  return {
    parts,
    async start(chosen, onReady) {
      // Told to stop while the schema was being made: nothing may start behind the stop's back.
      if (isStopping) throw new Error('stopped before everything had started');
      const starts = parts
        .filter(({ spec }) => chosen(spec))
        .map(async (part) => {
          const startedAt = Date.now();
          await part.start();
          onReady(part, Date.now() - startedAt);
        });
      await Promise.all(starts);
    },
    async stop() {
      isStopping = true;
      for (const layer of layers.reverse()) await Promise.all(inLayer(layer).map((part) => part.stop()));
    },
  };
}
