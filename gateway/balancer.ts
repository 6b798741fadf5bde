/**
 * Where a request goes: of two instances chosen at random, the one with fewer requests of that pace under way.
 * An instance that refuses a connection is left out at once, and tried again after a moment that doubles.
 */
import { Problem } from '../domain/errors';
import type { ServiceName } from '../domain/names';
import type { Instance } from '../infra/registry/instance';
import type { InstanceList } from '../infra/registry/watch';
import { type Channel, type ChannelLimits, createChannels, type Pace } from './channel';

export interface Upstream {
  readonly instance: Instance;
  readonly channels: Readonly<Record<Pace, Channel>>;
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
  choose(service: ServiceName, pace: Pace, tried: ReadonlySet<Upstream>): Upstream;
  refused(upstream: Upstream): void;
  answered(upstream: Upstream): void;
  all(): readonly Upstream[];
  /** Waits for what is under way. */
  close(): Promise<void>;
}

const LEFT_OUT_MS = 500;
const LEFT_OUT_MAX_MS = 8_000;

const closeChannels = ({ channels }: Upstream): Promise<unknown> =>
  Promise.allSettled([channels.prompt.close(), channels.waiting.close()]);

export interface BalancerDeps {
  readonly instances: InstanceList;
  readonly limits: ChannelLimits;
}

export function createBalancer({ instances, limits }: BalancerDeps): Balancer {
  const upstreams = new Map<string, Upstream>();
  const keyOf = ({ service, instanceId, url }: Instance): string => `${service} ${instanceId} ${url}`;

  const follow = (): void => {
    const current = new Map(instances.all().map((instance) => [keyOf(instance), instance]));
    for (const [key, instance] of current) {
      if (upstreams.has(key)) continue;
      const channels = createChannels(instance.url, limits);
      upstreams.set(key, { instance, channels, refusals: 0, leftOutUntil: 0 });
    }
    for (const [key, upstream] of upstreams) {
      if (current.has(key)) continue;
      upstreams.delete(key);
      // Ends what is under way, then its connections.
      void closeChannels(upstream);
    }
  };
  follow();
  instances.onChange(follow);

  const pick = (among: readonly Upstream[], pace: Pace): Upstream | undefined => {
    const first = Math.floor(Math.random() * among.length);
    const second = (first + 1 + Math.floor(Math.random() * Math.max(1, among.length - 1))) % Math.max(1, among.length);
    const [a, b] = [among[first], among[second]];
    return a && b && b.channels[pace].size < a.channels[pace].size ? b : a;
  };

  return {
    choose(service, pace, tried) {
      const now = Date.now();
      const candidates = instances
        .of(service)
        .map((instance) => upstreams.get(keyOf(instance)))
        .filter((upstream) => upstream !== undefined)
        .filter((upstream) => !tried.has(upstream) && !upstream.channels[pace].isFull);
      const willing = candidates.filter((upstream) => upstream.leftOutUntil <= now);
      // When all have refused lately, the list of the refusers is still better than no try.
      const chosen = pick(willing.length > 0 ? willing : candidates, pace);
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
      await Promise.allSettled([...upstreams.values()].map(closeChannels));
    },
  };
}
