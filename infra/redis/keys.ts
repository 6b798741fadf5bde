/**
 * Every key of the gate, built in one place. All keys of a shop share one hash tag, so that one script may touch them all
 * on a cluster; all but the gate key carry the generation, so that a rebuild writes beside what is in use.
 */

/** Keys of one generation. */
export interface GenerationKeys {
  /** counter: the admission number last given */
  readonly sequence: string;
  /** hash: order id → its hold (see hold.ts); no hold ever expires */
  readonly holds: string;
  /** sorted set: holds whose row in MariaDB has not been seen yet, by time of taking (ms) */
  readonly fresh: string;
  /** hash: available, rises, changes, applied, name, price, opensAt, closesAt, limit */
  readonly product: (productId: string) => string;
  /** hash: member id → units counted against the limit of the product */
  readonly units: (productId: string) => string;
  /** set: members who hold or own the product, or may repeat a checkout of it */
  readonly buyers: (productId: string) => string;
  /** string: `<order id> <body hash>` of an idempotency key; the one key that expires, for MariaDB knows it for ever */
  readonly record: (memberId: string, idempotencyKey: string) => string;
}

export interface GateKeys {
  /** string `<generation>:<run id>`: missing or different means closed */
  readonly gate: string;
  /** channel: product id on every rise from nothing, `*` after a rebuild */
  readonly rises: string;
  readonly of: (generation: number) => GenerationKeys;
  /** pattern of all keys that carry a generation */
  readonly anyGeneration: string;
  /** generation of such a key; null for any other key */
  readonly generationOf: (key: string) => number | null;
}

export function gateKeys(shop: string): GateKeys {
  const tag = `{${shop}}`;
  const prefix = `${tag}:g`;
  return {
    gate: `${tag}:gate`,
    rises: `${tag}:rises`,
    of: (generation) => generationKeys(`${prefix}${generation}`),
    anyGeneration: `${prefix}[0-9]*:*`,
    generationOf: (key) => {
      const digits = key.startsWith(prefix) ? /^(\d+):/.exec(key.slice(prefix.length))?.[1] : undefined;
      return digits === undefined ? null : Number(digits);
    },
  };
}

const generationKeys = (root: string): GenerationKeys => ({
  sequence: `${root}:sequence`,
  holds: `${root}:holds`,
  fresh: `${root}:fresh`,
  product: (productId) => `${root}:product:${productId}`,
  units: (productId) => `${root}:units:${productId}`,
  buyers: (productId) => `${root}:buyers:${productId}`,
  record: (memberId, idempotencyKey) => `${root}:key:${memberId}:${idempotencyKey}`,
});
