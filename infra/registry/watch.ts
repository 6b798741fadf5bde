/**
 * What gateways know of instances. News by pub/sub act at once; the list is read again every second as a net.
 * An instance leaves by its goodbye, or when it has been missing from lists that could be read for a whole TTL:
 * so a Redis that is down, wiped or restored keeps the last list, and heartbeats fill it again before it empties.
 */
import type { Redis } from 'ioredis';
import type { ServiceName } from '../../domain/names';
import { waitUntilReady } from '../redis/connection';
import { type Instance, instanceKey, parseInstance, parseNews, registryChannel, registryIndex } from './instance';

export interface InstanceList {
  /** instances of a service, newest knowledge; empty when none is known */
  of(service: ServiceName): readonly Instance[];
  all(): readonly Instance[];
  /** called after every change of the list */
  onChange(listener: () => void): void;
  stop(): void;
}

export interface WatchOptions {
  /** for reads */
  readonly redis: Redis;
  /** for news; a subscribed connection can do nothing else */
  readonly subscriber: Redis;
  readonly shop: string;
  readonly ttlMs: number;
  onError(error: unknown): void;
}

const READ_EVERY_MS = 1_000;
/** A process that starts is a moment ahead of its own connection. */
const CONNECTED_MS = 1_000;

/** A list that never changes. */
export const fixedInstances = (instances: readonly Instance[]): InstanceList => ({
  of: (service) => instances.filter((instance) => instance.service === service),
  all: () => instances,
  onChange: () => undefined,
  stop: () => undefined,
});

interface Known {
  readonly instance: Instance;
  /** when a list that could be read last had it */
  seenAt: number;
}

/** The list as a small state machine without I/O: reads and news in, instances out. */
export function createRoster(ttlMs: number) {
  const known = new Map<string, Known>();
  const keyOf = ({ service, instanceId }: Instance): string => `${service}:${instanceId}`;
  /** A process that came back under the same address replaces its predecessor. */
  const replaceSameAddress = (instance: Instance): void => {
    for (const [key, { instance: other }] of known) {
      const isPredecessor = other.url === instance.url && other.service === instance.service;
      if (isPredecessor && key !== keyOf(instance) && other.startedAt <= instance.startedAt) known.delete(key);
    }
  };
  const see = (instance: Instance, now: number): void => {
    const key = keyOf(instance);
    const before = known.get(key);
    if (before) before.seenAt = now;
    else {
      replaceSameAddress(instance);
      known.set(key, { instance, seenAt: now });
    }
  };
  return {
    see,
    leave: (instance: Instance): void => void known.delete(keyOf(instance)),
    /** A list that could be read. */
    read(instances: readonly Instance[], now: number): void {
      for (const instance of instances) see(instance, now);
      for (const [key, { seenAt }] of known) if (now - seenAt > ttlMs) known.delete(key);
    },
    /** Lists could not be read until now: nobody's absence has been seen. */
    pardon(now: number): void {
      for (const entry of known.values()) entry.seenAt = now;
    },
    all: (): readonly Instance[] => [...known.values()].map(({ instance }) => instance),
  };
}

async function readList(redis: Redis, shop: string): Promise<Instance[]> {
  const keys = await redis.smembers(registryIndex(shop));
  if (keys.length === 0) return [];
  const values = await redis.mget(keys);
  const gone = keys.filter((_key, index) => values[index] === null);
  if (gone.length > 0) await redis.srem(registryIndex(shop), ...gone);
  return values.map(parseInstance).filter((instance) => instance !== undefined);
}

/** Reads once before it answers, when Redis can be reached; then follows. */
export async function watchRegistry(options: WatchOptions): Promise<InstanceList> {
  const { redis, subscriber, shop, ttlMs, onError } = options;
  const roster = createRoster(ttlMs);
  const listeners: (() => void)[] = [];
  /** Keys of those who said goodbye: a list read before their goodbye must not bring them back. */
  const farewells = new Map<string, number>();
  let byService = new Map<ServiceName, Instance[]>();
  let hasFailed = false;
  let isStopped = false;

  const publish = (): void => {
    byService = new Map();
    for (const instance of roster.all()) {
      byService.set(instance.service, [...(byService.get(instance.service) ?? []), instance]);
    }
    for (const listener of listeners) listener();
  };

  const readAgain = async (): Promise<void> => {
    try {
      const instances = await readList(redis, shop);
      const now = Date.now();
      if (hasFailed) roster.pardon(now);
      hasFailed = false;
      for (const [key, at] of farewells) if (now - at > ttlMs) farewells.delete(key);
      roster.read(
        instances.filter((instance) => !farewells.has(instanceKey(shop, instance))),
        now,
      );
      publish();
    } catch (error) {
      hasFailed = true;
      if (!isStopped) onError(error);
    }
  };

  subscriber.on('message', (channel: string, text: string) => {
    const news = channel === registryChannel(shop) ? parseNews(text) : undefined;
    if (!news) return;
    if (news.kind === 'here') roster.see(news.instance, Date.now());
    else {
      farewells.set(instanceKey(shop, news.instance), Date.now());
      roster.leave(news.instance);
    }
    publish();
  });
  subscriber.subscribe(registryChannel(shop)).catch(onError);

  await waitUntilReady(redis, CONNECTED_MS).catch(onError);
  await readAgain();
  let timer = setTimeout(function again() {
    void readAgain().finally(() => {
      if (!isStopped) timer = setTimeout(again, READ_EVERY_MS);
    });
  }, READ_EVERY_MS);

  return {
    of: (service) => byService.get(service) ?? [],
    all: () => roster.all(),
    onChange: (listener) => void listeners.push(listener),
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
