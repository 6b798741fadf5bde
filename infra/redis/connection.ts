/** Connections to Redis, one kind per use. Nothing is queued, nothing is sent twice behind the caller's back. */
import { Redis } from 'ioredis';

export interface RedisUse {
  /** a call without answer for this long fails; its effect is unknown */
  readonly commandTimeoutMs: number;
}

/** A buyer waits: better a quick 503 than a slow one. */
export const CHECKOUT: RedisUse = { commandTimeoutMs: 1_000 };
/** Rebuild and drift check send thousands of commands at once. */
export const BULK: RedisUse = { commandTimeoutMs: 15_000 };

const RECONNECT_MAX_MS = 500;

/**
 * Connects in the background and again for ever; while there is no connection every call fails at once.
 * @param url     redis://host:port
 * @param onError told of every connection error (ioredis would print it)
 */
export function connectRedis(url: string, use: RedisUse, onError: (error: unknown) => void = () => undefined): Redis {
  const redis = new Redis(url, {
    commandTimeout: use.commandTimeoutMs,
    connectTimeout: 2_000,
    maxRetriesPerRequest: 1,
    // A script that was sent and not answered may have run: only its caller knows whether it may be sent again.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MAX_MS),
  });
  redis.on('error', onError);
  return redis;
}

/** A connection for subscriptions: it has to queue SUBSCRIBE until it is connected, and repeats it after a reconnect. */
export function connectSubscriber(url: string, onError: (error: unknown) => void = () => undefined): Redis {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    // The ready check sends INFO; a SUBSCRIBE that gets in before it makes INFO fail, and the reconnect forgets the channel.
    enableReadyCheck: false,
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MAX_MS),
  });
  redis.on('error', onError);
  return redis;
}

/** Resolves at the first connection; @throws when there is none within `withinMs`. */
export async function waitUntilReady(redis: Redis, withinMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const onReady = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      redis.off('ready', onReady);
      reject(new Error(`no connection to Redis within ${withinMs} ms`));
    }, withinMs);
    redis.once('ready', onReady);
  });
}
