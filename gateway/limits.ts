/**
 * Requests per minute, counted in Redis for all gateways together; while Redis is away each gateway counts for itself,
 * for a limit that stops a sale is worse than one that is too generous.
 */
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, MemoryStore, type Options, rateLimit, type Store } from 'express-rate-limit';
import type { Redis } from 'ioredis';
import { Problem } from '../domain/errors';
import { createScripts } from '../infra/redis/scripts';
import { createClientBound } from './client-bound';

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
 * Guesses of one address under way at a gateway: what is not answered is not counted yet, so without this a thousand at once
 * would all be looked at. Above the crowd of a large office.
 */
const UNDER_WAY_MAX = 100;

const WRONG = 'Too many wrong passwords came from this address.';
const crowded = (): Problem =>
  new Problem('rate_limited', { retryAfterS: 1, detail: 'Too many log-ins are under way from this address.' });

/**
 * For operations where a stranger can try secrets: counts the refusals (401) of an address, and above the limit throws
 * Problem rate_limited before the secret is looked at, right or wrong, until the minute is over. Right answers are not
 * counted, so a crowd behind one address may log in when a sale opens. By address, not by name: otherwise anybody could lock
 * a member out. Behind a proxy all have one address, unless TRUST_PROXY says how to tell them apart.
 */
export function createGuessLimiter(options: GuessLimitOptions): RequestHandler {
  const store = createSharedStore(options);
  void store.init?.({ windowMs: WINDOW_MS } as Options);
  const underWay = createClientBound(UNDER_WAY_MAX, crowded);
  return async (request, response, next) => {
    const client = `${ipKeyGenerator(request.ip ?? '')}:guesses`;
    const counted = await store.get?.(client);
    if (response.destroyed) return;
    if (counted && counted.totalHits >= options.perMinute) throw limited(counted.resetTime, WRONG);
    response.once('close', underWay.enter(client));
    response.once('finish', () => {
      if (response.statusCode === 401) void store.increment(client);
    });
    next();
  };
}
