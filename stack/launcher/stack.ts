/** The parts together: started layer by layer, written down for others and for the next start, stopped in reverse. */
import * as record from '../setup/launcher-record.cjs';
import { type Home, writeJson } from './home';
import { createPart, type Part, type PartSpec } from './part';
import { type Birth, birthOf } from './process-life';

/** stack.json: what runs where, for load scripts, the audit and tests. */
export interface StackFile {
  /** pid; null once it has stopped */
  readonly launcher: number | null;
  readonly parts: Readonly<
    Record<string, { url?: string; pid: number | null; log: string; state: string; restarts: number }>
  >;
}
/** pids.json: what the next start has to end after a kill -9. */
interface PidFile {
  readonly launcher: Birth | null;
  readonly parts: Readonly<Record<string, Birth>>;
}

/** The launcher of this state folder that is alive and not this process, if any. */
export const runningLauncher = (home: Home): Birth | null => record.runningLauncher(home.dir);
/** Claims the state folder for this process, before anything in it is touched. @returns null, or who has it */
export const claimLauncher = (home: Home): Birth | null => record.claimLauncher(home.dir);
/** Ends what a killed launcher left, by pid and start time. @returns the names */
export const endLeftovers = (home: Home): Promise<string[]> => record.endLeftovers(home.dir);

export interface Stack {
  readonly parts: readonly Part[];
  /** Starts the chosen parts side by side; resolves when all of them serve. */
  start(chosen: (spec: PartSpec) => boolean, onReady: (part: Part, ms: number) => void): Promise<void>;
  /** Layer after layer, from high to low. */
  stop(): Promise<void>;
}

export function createStack(home: Home, specs: readonly PartSpec[], say: (sentence: string) => void): Stack {
  let launcher = birthOf(process.pid);
  const writeDown = (): void => {
    const births = parts.flatMap((part): [string, Birth][] => {
      const birth = part.birth();
      return birth ? [[part.spec.name, birth]] : [];
    });
    writeJson(home.at('pids.json'), {
      launcher,
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
    writeJson(home.at('stack.json'), {
      launcher: launcher?.pid ?? null,
      parts: Object.fromEntries(shown),
    } satisfies StackFile);
  };
  const parts: Part[] = specs.map((spec) => createPart(spec, { onChange: writeDown, say }));
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
      launcher = null;
      writeDown();
    },
  };
}
