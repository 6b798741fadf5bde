/**
 * A service process in the registry: it says "here" with a heartbeat, and "goodbye" before its last request ends.
 * Stopping in order: `goodbye()` (gateways stop sending), then close the server (what is under way ends).
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { ServiceName } from '../../domain/names';
import { waitUntilReady } from '../redis/connection';
import { type Instance, type InstanceNews, instanceKey, registryChannel, registryIndex } from './instance';

export interface RegistrationOptions {
  readonly redis: Redis;
  readonly shop: string;
  readonly services: readonly ServiceName[];
  readonly instanceId: string;
  /** where gateways reach this process */
  readonly url: string;
  /** without a heartbeat for this long the instance is gone */
  readonly ttlMs: number;
  onError(error: unknown): void;
}

export interface Registration {
  /** Leaves the registry and waits until gateways have heard; safe to call twice, and with Redis down. */
  goodbye(): Promise<void>;
}

/** A gateway that heard by pub/sub needs a moment to finish choosing. */
const HEARD_MS = 250;
/** One that did not hear reads the list again within this. */
const READ_AGAIN_MS = 1_200;

/** A process that starts is a moment ahead of its own connection; one that starts without Redis serves without it. */
const CONNECTED_MS = 1_000;

/**
 * Registers as soon as Redis is there, again whenever it is back, and every third of the TTL.
 * Redis being down delays it and breaks nothing: it resolves all the same, and `onError` is told.
 */
export async function register(options: RegistrationOptions): Promise<Registration> {
  const { redis, shop, services, instanceId, url, ttlMs, onError } = options;
  const startedAt = new Date().toISOString();
  const instances: Instance[] = services.map((service) => ({ service, instanceId, url, startedAt }));
  let goodbye: Promise<void> | undefined;

  const beat = async (kind?: InstanceNews['kind']): Promise<void> => {
    const batch = redis.multi();
    for (const instance of instances) {
      const key = instanceKey(shop, instance);
      batch.set(key, JSON.stringify(instance), 'PX', ttlMs).sadd(registryIndex(shop), key);
      if (kind) batch.publish(registryChannel(shop), JSON.stringify({ kind, instance } satisfies InstanceNews));
    }
    await batch.exec();
  };

  const leave = async (): Promise<number> => {
    const batch = redis.multi();
    for (const instance of instances) {
      const key = instanceKey(shop, instance);
      batch.del(key).srem(registryIndex(shop), key);
      const news: InstanceNews = { kind: 'goodbye', instance };
      batch.publish(registryChannel(shop), JSON.stringify(news));
    }
    const results = await batch.exec();
    return Number(results?.at(-1)?.[1] ?? 0);
  };

  let beating: Promise<void> = Promise.resolve();
  const sayHere = (): void => {
    beating = beat('here').catch(onError);
  };
  redis.on('ready', sayHere);
  if (redis.status === 'ready') sayHere();
  const timer = setInterval(() => {
    beating = beat().catch(onError);
  }, ttlMs / 3);
  await waitUntilReady(redis, CONNECTED_MS).catch(onError);
  await beating;

  return {
    goodbye: () => {
      goodbye ??= (async () => {
        clearInterval(timer);
        redis.off('ready', sayHere);
        // A heartbeat under way would write the key again after we deleted it.
        await beating;
        const heardBy = await leave().catch((error: unknown) => {
          onError(error);
          return 0;
        });
        await pause(heardBy > 0 ? HEARD_MS : READ_AGAIN_MS);
      })();
      return goodbye;
    },
  };
}
