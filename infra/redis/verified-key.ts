/**
 * The gate key this connection may pass to scripts: `<generation>:<run id>`.
 *
 * The run id is asked of the server once per connection (INFO inside every script would halve its rate). A restart, a
 * failover or a restored copy means a new connection, hence a new question; a gate key that names another run id was not
 * written on this server in this life, and counts as missing. The generation is learnt from the gate key, and again
 * whenever a script answers that it saw another.
 */
import type { Redis } from 'ioredis';

export interface VerifiedKey {
  readonly generation: number;
  /** what scripts compare the gate key with */
  readonly token: string;
}

export interface VerifiedKeys {
  /** null: the gate is closed. @throws when Redis does not answer. */
  current(): Promise<VerifiedKey | null>;
  /** The gate key a script found (empty: none) where `used` was passed. True: worth calling again. */
  learn(seen: string, used: string): boolean;
  /** run id of the server behind the connection. @throws when Redis does not answer. */
  runId(): Promise<string>;
}

export const tokenOf = (generation: number, runId: string): string => `${generation}:${runId}`;

export function createVerifiedKeys(redis: Redis, gateKey: string): VerifiedKeys {
  let connection = 0;
  let known: Promise<string> | null = null;
  let key: VerifiedKey | null = null;

  redis.on('close', () => {
    connection += 1;
    known = null;
    key = null;
  });

  const askRunId = async (): Promise<string> => {
    const asked = connection;
    const runId = /run_id:(\w+)/.exec(await redis.info('server'))?.[1];
    if (runId === undefined || asked !== connection)
      throw new Error('redis: the connection changed while it was verified');
    return runId;
  };

  const runId = (): Promise<string> => {
    known ??= askRunId().catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  };

  const take = (seen: string, own: string): VerifiedKey | null => {
    const [generation = '', writtenOn] = seen.split(':');
    return writtenOn === own ? { generation: Number(generation), token: seen } : null;
  };

  return {
    runId,
    async current() {
      if (key) return key;
      const asked = connection;
      const own = await runId();
      const found = take((await redis.get(gateKey)) ?? '', own);
      if (asked !== connection) throw new Error('redis: the connection changed while the gate key was read');
      key = found;
      return found;
    },
    learn(seen, used) {
      const own = key?.token.split(':')[1];
      key = own === undefined ? null : take(seen, own);
      // Not "did this change what is known": calls sent together all learn it, and all are worth another try.
      return seen !== '' && seen !== used;
    },
  };
}
