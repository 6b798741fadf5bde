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
  const look = async (client: string) => {
    const window = Math.floor(Date.now() / WINDOW_MS);
    const totalHits = Number((await redis.get(keyOf(client, window))) ?? 0);
    return { totalHits, resetTime: new Date((window + 1) * WINDOW_MS) };
  };
  return {
    init: (options: Options) => own.init(options),
    get: (client) => look(client).catch(() => own.get(client)),
    increment: (client) => count(client).catch(() => own.increment(client)),
    decrement: (client) => own.decrement(client),
    resetKey: (client) => own.resetKey(client),
    shutdown: () => own.shutdown(),
  };
}

function limited(resetTime: Date | undefined, detail: string): Problem {
  const until = resetTime?.getTime() ?? Date.now() + WINDOW_MS;
  return new Problem('rate_limited', { detail, retryAfterS: (until - Date.now()) / 1000 });
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
      throw limited(request.rateLimit?.resetTime, 'This minute is used up.');
    },
  });
}

export interface GuessLimitOptions extends StoreOptions {
  /** wrong answers that one address may give per minute */
  readonly perMinute: number;
}

/**
 * For operations where a stranger can try secrets: counts the refusals (401) of an address, and above the limit throws
 * Problem rate_limited before the secret is looked at. Right answers cost nothing, so a crowd behind one address may log
 * in all at once when a sale opens. By address, not by name: otherwise anybody could lock anybody out.
 */
export function createGuessLimiter(options: GuessLimitOptions): RequestHandler {
  const store = createSharedStore(options);
  void store.init?.({ windowMs: WINDOW_MS } as Options);
  return async (request, response, next) => {
    const client = `${ipKeyGenerator(request.ip ?? '')}:guesses`;
    const counted = await store.get?.(client);
    if (counted && counted.totalHits >= options.perMinute)
      throw limited(counted.resetTime, 'Too many wrong passwords came from this address.');
    response.once('finish', () => {
      if (response.statusCode === 401) void store.increment(client);
    });
    next();
  };
}
