/**
 * The sold-out cell: in a drop most requests come after the last unit, and this answers them without a script.
 *
 * A cell knows one product: that nothing was available, and who holds or owns it. Those members always reach the script,
 * so that a repeated accepted checkout is never answered "sold out". It lives one second, and shorter when units come
 * back: every rise from nothing is published in the script that makes it, before anybody can take the unit. Without a
 * subscription there are no cells; above 10,000 buyers a product has none.
 */
import type { Redis } from 'ioredis';
import { createOpenGate } from './open-gate';
import { BUYERS_MAX } from './reserve';

const LIFE_MS = 1_000;

export interface SoldOutCell {
  /** A product of these known to be sold out for this member. */
  answer(productIds: readonly string[], memberId: string): { readonly productId: string } | null;
  /** The gate has just said "sold out": worth a cell. */
  note(productId: string): void;
  /** Is news of rises heard? Without it every answer is null. */
  isListening(): boolean;
}
export interface SoldOutCellDeps {
  readonly redis: Redis;
  /** a connection of its own: a subscribed connection can do nothing else */
  readonly subscriber: Redis;
  readonly shop: string;
}
interface Cell {
  readonly buyers: ReadonlySet<string>;
  readonly until: number;
}

export function createSoldOutCell({ redis, subscriber, shop }: SoldOutCellDeps): SoldOutCell {
  const gate = createOpenGate(redis, shop);
  const cells = new Map<string, Cell>();
  /** counts what makes a reading under way worthless */
  let news = 0;
  let isListening = false;
  const reading = new Set<string>();

  const forget = (productId?: string): void => {
    news += 1;
    if (productId === undefined) cells.clear();
    else cells.delete(productId);
  };

  const subscribe = async (): Promise<void> => {
    await subscriber.subscribe(gate.keys.rises);
    forget();
    isListening = true;
  };
  const listen = (): void => {
    subscribe().catch(() => undefined);
  };
  subscriber.on('message', (channel: string, productId: string) => {
    if (channel === gate.keys.rises) forget(productId === '*' ? undefined : productId);
  });
  subscriber.on('close', () => {
    isListening = false;
    forget();
  });
  subscriber.on('ready', listen);
  if (subscriber.status === 'ready') listen();

  const read = async (productId: string): Promise<void> => {
    const [heard, startedAt] = [news, performance.now()];
    const ran = await gate.run('readBuyers', (keys) => ({
      keys: [keys.product(productId), keys.buyers(productId)],
      args: [BUYERS_MAX],
    }));
    if (ran?.reply[0] !== 'soldOut' || heard !== news || !isListening) return;
    cells.set(productId, { buyers: new Set(ran.reply.slice(1)), until: startedAt + LIFE_MS });
  };

  return {
    isListening: () => isListening,
    answer(productIds, memberId) {
      for (const productId of productIds) {
        const cell = cells.get(productId);
        if (!cell) continue;
        if (performance.now() > cell.until) cells.delete(productId);
        else if (!cell.buyers.has(memberId)) return { productId };
      }
      return null;
    },
    note(productId) {
      if (!isListening || cells.has(productId) || reading.has(productId)) return;
      reading.add(productId);
      read(productId)
        .catch(() => undefined)
        .finally(() => reading.delete(productId));
    },
  };
}
