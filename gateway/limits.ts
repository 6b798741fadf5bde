/**
 * Requests per minute, counted in Redis for all gateways together; while Redis is away each gateway counts for itself,
 * for a limit that stops a sale is worse than one that is too generous.
 */
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, MemoryStore, type Options, rateLimit, type Store } from 'express-rate-limit';
import type { Redis } from 'ioredis';
import { Problem } from '../domain/errors';
import { createScripts } from '../infra/redis/scripts';

const WINDOW_MS = 60_000;

interface StoreOptions {
  readonly redis: Redis;
  readonly shop: string;
}

/** Fixed windows: one counter per client and minute, which expires by itself. */
function createSharedStore({ redis, shop }: StoreOptions): Store {
  const own = new MemoryStore();
  const run = createScripts(redis);
  const keyOf = (client: string, window: number): string => `{${shop}}:limit:${window}:${client}`;
  const count = async (client: string) => {
    const window = Math.floor(Date.now() / WINDOW_MS);
    const key = keyOf(client, window);
    const [hits] = await run('countRequest', { keys: [key], args: [WINDOW_MS] });
    const totalHits = Number(hits);
    if (!Number.isSafeInteger(totalHits)) throw new Error('no count from Redis');
    return { totalHits, resetTime: new Date((window + 1) * WINDOW_MS) };
  };
  return {
    init: (options: Options) => own.init(options),
    increment: (client) => count(client).catch(() => own.increment(client)),
    decrement: (client) => own.decrement(client),
    resetKey: (client) => own.resetKey(client),
    shutdown: () => own.shutdown(),
  };
}

export interface LimitOptions extends StoreOptions {
  readonly perMinute: number;
  /** the member, or undefined for a request without a valid token */
  memberOf(response: Response): string | undefined;
  /** what the address is counted for: one group's burst does not lock out another */
  groupOf(response: Response): string;
}

/** Sets RateLimit and RateLimit-Policy on every answer; above the limit throws Problem rate_limited. */
export function createLimiter(options: LimitOptions): RequestHandler {
  const { perMinute, memberOf, groupOf } = options;
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'minute',
    store: createSharedStore(options),
    passOnStoreError: true,
    validate: false,
    keyGenerator: (request: Request, response: Response) =>
      memberOf(response) ?? `${ipKeyGenerator(request.ip ?? '')}:${groupOf(response)}`,
    handler: (request: Request & { rateLimit?: { resetTime?: Date } }) => {
      const until = request.rateLimit?.resetTime?.getTime() ?? Date.now() + WINDOW_MS;
      throw new Problem('rate_limited', { retryAfterS: (until - Date.now()) / 1000 });
    },
  });
}
