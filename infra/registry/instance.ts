/** An instance of a service, and the names under which it stands in Redis. */
import { z } from 'zod';
import { SERVICE_NAMES, type ServiceName } from '../../domain/names';

export const Instance = z.object({
  service: z.enum(SERVICE_NAMES),
  /** unique per process start */
  instanceId: z.string().min(1).max(100),
  /** where gateways reach it */
  url: z.url(),
  startedAt: z.iso.datetime({ precision: 3 }),
});
export type Instance = z.infer<typeof Instance>;

/** String with TTL: the instance as JSON. */
export const instanceKey = (shop: string, { service, instanceId }: Pick<Instance, 'service' | 'instanceId'>): string =>
  `{${shop}}:registry:${service}:${instanceId}`;

/** Set of instance keys: spares a scan of the whole keyspace. Members whose key is gone are removed by readers. */
export const registryIndex = (shop: string): string => `{${shop}}:registry`;

/** Channel of `InstanceNews`. */
export const registryChannel = (shop: string): string => `{${shop}}:registry-news`;

export const InstanceNews = z.object({ kind: z.enum(['here', 'goodbye']), instance: Instance });
export type InstanceNews = z.infer<typeof InstanceNews>;

const parseJsonWith = <T>(schema: z.ZodType<T>, text: string | null): T | undefined => {
  if (text === null) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined; // written by a newer or broken process: not an instance we can use
  }
};
export const parseInstance = (text: string | null): Instance | undefined => parseJsonWith(Instance, text);
export const parseNews = (text: string): InstanceNews | undefined => parseJsonWith(InstanceNews, text);

/**
 * The fixed list of REGISTRY=static: `orders=http://a:1|http://b:1,payments=http://c:1`. Host names are resolved
 * at each connection, so a DNS name may stand for several instances.
 * @throws Error for an unknown service or a malformed URL
 */
export function parseStaticRegistry(text: string): Instance[] {
  return text
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [service = '', urls = ''] = part.trim().split(/=(.*)/s);
      if (!(SERVICE_NAMES as readonly string[]).includes(service) || !urls) {
        throw new Error(`REGISTRY_STATIC: not service=url|url: ${part}`);
      }
      return urls.split('|').map((url) => ({
        service: service as ServiceName,
        instanceId: `static-${url}`,
        url: new URL(url).origin,
        startedAt: new Date(0).toISOString(),
      }));
    });
}
