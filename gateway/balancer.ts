/**
 * Where a request goes: of two instances chosen at random, the one with fewer requests under way.
 * An instance that refuses a connection is left out at once, and tried again after a moment that doubles.
 */
import { Pool } from 'undici';
import { Problem } from '../domain/errors';
import type { ServiceName } from '../domain/names';
import type { Instance } from '../infra/registry/instance';
import type { InstanceList } from '../infra/registry/watch';

export interface Upstream {
  readonly instance: Instance;
  /** connections for requests that are answered as fast as they can be; more than there are wait for one another */
  readonly pool: Pool;
  /** connections for requests that wait on purpose, for long: one each, so that they keep nobody else from being served */
  readonly waiting: Pool;
  /** requests of this gateway under way there */
  inFlight: number;
  /** refused connections since the last answer */
  refusals: number;
  /** ms since the epoch; until then others are preferred */
  leftOutUntil: number;
}

export interface Balancer {
  /**
   * @param tried instances this request has been to already
   * @throws Problem unavailable when there is none, or all are full
   */
  choose(service: ServiceName, tried: ReadonlySet<Upstream>): Upstream;
  refused(upstream: Upstream): void;
  answered(upstream: Upstream): void;
  all(): readonly Upstream[];
  /** Waits for what is under way. */
  close(): Promise<void>;
}

const LEFT_OUT_MS = 500;
const LEFT_OUT_MAX_MS = 8_000;
/** Requests of this gateway under way at one instance, above which it is full. */
const IN_FLIGHT_MAX = 4_000;
const CONNECTIONS = 256;
/** Below the 30 s of services, so that we close first: no request meets a socket that closes. */
const KEEP_ALIVE_MS = 10_000;
/** Above the longest `Prefer: wait`. */
const HEADERS_MS = 45_000;
/** Event streams send a comment every 15 s. */
const BODY_MS = 60_000;

const createPool = ({ url }: Instance, connections: number): Pool =>
  new Pool(url, {
    connections,
    pipelining: 1,
    connect: { timeout: 2_000, noDelay: true },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_MS,
    bodyTimeout: BODY_MS,
  });

const createUpstream = (instance: Instance): Upstream => ({
  instance,
  pool: createPool(instance, CONNECTIONS),
  waiting: createPool(instance, IN_FLIGHT_MAX),
  inFlight: 0,
  refusals: 0,
  leftOutUntil: 0,
});

const closePools = ({ pool, waiting }: Upstream): Promise<unknown> =>
  Promise.allSettled([pool.close(), waiting.close()]);

/** @param random 0 ≤ n < 1; handed in by tests */
export function createBalancer(instances: InstanceList, random: () => number = Math.random): Balancer {
  const upstreams = new Map<string, Upstream>();
  const keyOf = ({ service, instanceId, url }: Instance): string => `${service} ${instanceId} ${url}`;

  const follow = (): void => {
    const current = new Map(instances.all().map((instance) => [keyOf(instance), instance]));
    for (const [key, instance] of current) if (!upstreams.has(key)) upstreams.set(key, createUpstream(instance));
    for (const [key, upstream] of upstreams) {
      if (current.has(key)) continue;
      upstreams.delete(key);
      // Ends what is under way, then its connections.
      void closePools(upstream);
    }
  };
  follow();
  instances.onChange(follow);

  const pick = (among: readonly Upstream[]): Upstream | undefined => {
    const first = Math.floor(random() * among.length);
    const second = (first + 1 + Math.floor(random() * Math.max(1, among.length - 1))) % Math.max(1, among.length);
    const [a, b] = [among[first], among[second]];
    return a && b && b.inFlight < a.inFlight ? b : a;
  };

  return {
    choose(service, tried) {
      const now = Date.now();
      const candidates = instances
        .of(service)
        .map((instance) => upstreams.get(keyOf(instance)))
        .filter((upstream) => upstream !== undefined)
        .filter((upstream) => !tried.has(upstream) && upstream.inFlight < IN_FLIGHT_MAX);
      const willing = candidates.filter((upstream) => upstream.leftOutUntil <= now);
      // When all have refused lately, the list of the refusers is still better than no try.
      const chosen = pick(willing.length > 0 ? willing : candidates);
      if (!chosen) throw new Problem('unavailable');
      return chosen;
    },
    refused(upstream) {
      upstream.leftOutUntil = Date.now() + Math.min(LEFT_OUT_MS * 2 ** upstream.refusals, LEFT_OUT_MAX_MS);
      upstream.refusals += 1;
    },
    answered(upstream) {
      upstream.refusals = 0;
      upstream.leftOutUntil = 0;
    },
    all: () => [...upstreams.values()],
    close: async () => {
      await Promise.allSettled([...upstreams.values()].map(closePools));
    },
  };
}
