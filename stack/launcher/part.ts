/**
 * One supervised process. Starts, is watched until it serves, is started again with growing pauses when it dies,
 * and stops by its own signal. State: starting → ready → (died → pause → starting …) → stopping → stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Birth, birthOf, endProcess } from './process-life';

export interface PartSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** stopped from high to low, parts of one layer together: who uses something ends before it */
  readonly layer: number;
  /** where it is reached; Temporal: its Web UI */
  readonly url?: string;
  readonly log: string;
  /** before the first start: data folders and the like */
  readonly prepare?: () => Promise<void>;
  /** true when it serves; a throw counts as false */
  readonly isReady: () => Promise<boolean>;
  readonly readyWithinMs?: number;
  readonly stopSignal?: NodeJS.Signals;
  readonly graceMs?: number;
}
export type PartState = 'starting' | 'ready' | 'restarting' | 'stopping' | 'stopped';
export interface PartEvents {
  /** the set of running processes has changed: pids are written down */
  onChange(): void;
  say(sentence: string): void;
}
export interface Part {
  readonly spec: PartSpec;
  state(): PartState;
  birth(): Birth | null;
  restarts(): number;
  /** Starts it and waits until it serves. @throws with the log's place when it does not */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const READY_MS = 180_000;
/** Starts of a part that ends before it is ready, such as for a store that is still coming up. */
const FIRST_TRIES = 3;
const LOOK_MS = 100;
const GRACE_MS = 25_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** Alive this long: the next death begins with a short pause again. */
const STEADY_MS = 30_000;

export function createPart(spec: PartSpec, { onChange, say }: PartEvents): Part {
  let child: ChildProcess | null = null;
  let birth: Birth | null = null;
  let state: PartState = 'stopped';
  let restarts = 0;
  let pauseMs = FIRST_PAUSE_MS;

  const launch = (): ChildProcess => {
    const log = openSync(spec.log, 'a');
    try {
      const started = spawn(spec.command, [...spec.args], {
        cwd: spec.cwd,
        env: { ...spec.env },
        // A group of its own: Ctrl-C at the terminal reaches the launcher alone, which stops in order.
        detached: true,
        stdio: ['ignore', log, log],
      });
      child = started;
      birth = started.pid === undefined ? null : birthOf(started.pid);
      const bornAt = Date.now();
      started.once('error', (error) => say(`${spec.name} could not be started: ${error.message}`));
      started.once('exit', (code, signal) => {
        if (child !== started) return;
        child = null;
        birth = null;
        if (state === 'ready' || state === 'restarting') void revive(bornAt, signal ?? `exit code ${code}`);
        onChange();
      });
      onChange();
      return started;
    } finally {
      closeSync(log);
    }
  };

  const untilReady = async (started: ChildProcess): Promise<boolean> => {
    const until = Date.now() + (spec.readyWithinMs ?? READY_MS);
    while (child === started && Date.now() < until) {
      const isUp = await spec.isReady().catch(() => false);
      // It may have answered and died since: its exit has set the next attempt going, and must not be taken for ready.
      if (isUp) return child === started;
      await pause(LOOK_MS);
    }
    return false;
  };

  const revive = async (bornAt: number, how: string): Promise<void> => {
    if (Date.now() - bornAt > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
    state = 'restarting';
    restarts += 1;
    say(`${spec.name} died (${how}); starting it again in ${pauseMs} ms`);
    const waitMs = pauseMs;
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    await pause(waitMs);
    if (state !== 'restarting') return;
    const started = launch();
    // Alive and not serving is left to come up. Dead: its own exit has set the next attempt going.
    let isUp = false;
    while (!isUp && child === started) isUp = await untilReady(started);
    if (isUp && state === 'restarting') {
      state = 'ready';
      say(`${spec.name} is back`);
      onChange();
    }
  };

  return {
    spec,
    state: () => state,
    birth: () => birth,
    restarts: () => restarts,
    async start() {
      state = 'starting';
      await spec.prepare?.();
      for (let tries = 1; ; tries += 1) {
        if (state !== 'starting') throw new Error(`${spec.name} was stopped before it had started`);
        if (await untilReady(launch())) break;
        // Dead, it may have met something that passes; alive and not ready in all that time, it has not.
        if (child !== null || tries === FIRST_TRIES) {
          await this.stop();
          throw new Error(`${spec.name} did not become ready; its log: ${spec.log}`);
        }
        say(`${spec.name} ended before it was ready; starting it again`);
        await pause(FIRST_PAUSE_MS * tries);
      }
      state = 'ready';
      onChange();
    },
    async stop() {
      state = 'stopping';
      const ending = birth;
      if (ending) await endProcess(ending, spec.graceMs ?? GRACE_MS, spec.stopSignal);
      child = null;
      birth = null;
      state = 'stopped';
      onChange();
    },
  };
}
