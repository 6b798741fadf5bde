/** Redis: the gate. Append-only file every second; full memory refuses writes rather than forgetting holds. */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { type ServerPlace, type ServerSpec, serverEnv } from './server-spec';
import { findRedisServer } from './tools';

export const redisUrl = ({ port }: ServerPlace): string => `redis://127.0.0.1:${port}`;

export function redisSpec(place: ServerPlace): ServerSpec {
  const program = path.join(place.dir, 'redis-server');
  return {
    name: 'redis',
    // The program decides by its name what it is: under this one it serves.
    command: program,
    args: [
      ...['--port', String(place.port), '--bind', '127.0.0.1', '--dir', place.dir],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
      ...['--save', '', '--daemonize', 'no', '--tcp-backlog', '511'],
    ],
    env: serverEnv(),
    log: place.log,
    url: redisUrl(place),
    prepare: async () => {
      mkdirSync(place.dir, { recursive: true });
      if (existsSync(program)) rmSync(program);
      symlinkSync(findRedisServer(), program);
    },
    isReady: async () => {
      const redis = new Redis(redisUrl(place), { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
      redis.on('error', () => undefined);
      try {
        await redis.connect();
        return (await redis.ping()) === 'PONG';
      } finally {
        redis.disconnect();
      }
    },
  };
}
