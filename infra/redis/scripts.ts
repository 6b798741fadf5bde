/** The scripts of the gate, and the gateway's count: one Lua file per operation, each with its contract at its head. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';

export type ScriptName =
  | 'reserveStock'
  | 'adoptHold'
  | 'syncHold'
  | 'dropHold'
  | 'applyAdjustment'
  | 'putProduct'
  | 'readHold'
  | 'readBuyers'
  | 'readStock'
  | 'repairAvailable'
  | 'openGate'
  | 'countRequest';

/** Every script answers a list of texts; the first names the outcome. Its head says what follows. */
export type ScriptReply = readonly string[];

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}
export type RunScript = (name: ScriptName, call: ScriptCall) => Promise<ScriptReply>;

interface Script {
  readonly source: string;
  readonly sha: string;
}

function readScript(name: ScriptName): Script {
  const source = readFileSync(join(__dirname, 'scripts', `${name}.lua`), 'utf8');
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

const isUnknownScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith('NOSCRIPT');

/** Runs scripts by hash; a server that does not know one (new, or restarted) is sent its source once. */
export function createScripts(redis: Redis): RunScript {
  const loaded = new Map<ScriptName, Script>();
  const scriptOf = (name: ScriptName): Script => {
    const script = loaded.get(name) ?? readScript(name);
    loaded.set(name, script);
    return script;
  };
  return async (name, { keys, args }) => {
    const { source, sha } = scriptOf(name);
    const rest = [...keys, ...args];
    try {
      return (await redis.evalsha(sha, keys.length, ...rest)) as ScriptReply;
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return (await redis.eval(source, keys.length, ...rest)) as ScriptReply;
    }
  };
}
