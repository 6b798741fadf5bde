/** Runs scripts in the open generation of the gate, under the gate key which their connection has verified. */
import type { Redis } from 'ioredis';
import { type GateKeys, type GenerationKeys, gateKeys } from './keys';
import { createScripts, type ScriptCall, type ScriptName, type ScriptReply } from './scripts';
import { createVerifiedKeys, type VerifiedKey } from './verified-key';

/** Keys and arguments of a call, after the gate key and its token, which every script takes first. */
export type CallOf = (keys: GenerationKeys) => ScriptCall;

export interface Ran {
  readonly reply: ScriptReply;
  readonly generation: number;
}

export interface OpenGate {
  readonly redis: Redis;
  readonly keys: GateKeys;
  /** Runs a script; null when the gate is closed. @throws when Redis does not answer: whether it ran is not known then. */
  run(name: ScriptName, callOf: CallOf): Promise<Ran | null>;
  /** The generation this connection knows to be open; null: closed. @throws when Redis does not answer. */
  current(): Promise<VerifiedKey | null>;
  /** Run id of the server behind the connection. */
  runId(): Promise<string>;
}

export function createOpenGate(redis: Redis, shop: string): OpenGate {
  const keys = gateKeys(shop);
  const verified = createVerifiedKeys(redis, keys.gate);
  const runScript = createScripts(redis);
  return {
    redis,
    keys,
    current: () => verified.current(),
    runId: () => verified.runId(),
    async run(name, callOf) {
      // Twice: a rebuild since the last call shows as another generation, and the call is made again under that one.
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const at = await verified.current();
        if (!at) return null;
        const call = callOf(keys.of(at.generation));
        const reply = await runScript(name, { keys: [keys.gate, ...call.keys], args: [at.token, ...call.args] });
        if (reply[0] !== 'gateClosed') return { reply, generation: at.generation };
        if (!verified.learn(reply[1] ?? '', at.token)) return null;
      }
      return null;
    },
  };
}
