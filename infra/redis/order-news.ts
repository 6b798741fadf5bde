/**
 * Wakes those who follow an order. A message only says "look again": whoever hears it re-reads MariaDB,
 * so a lost message costs a moment (a periodic look is the net), never a wrong answer.
 */
import type { Redis } from 'ioredis';

const channelOf = (shop: string): string => `{${shop}}:order-news`;

/** Tells that an order has changed. Never throws: news may be lost. */
export function createNewsSender(redis: Redis, shop: string): (orderId: string) => void {
  const channel = channelOf(shop);
  return (orderId) => {
    redis.publish(channel, orderId).catch(() => undefined);
  };
}

/**
 * Hears of changed orders on a connection of its own (a subscribed connection can do nothing else).
 * @returns a function that ends the subscription
 */
export async function hearNews(redis: Redis, shop: string, listener: (orderId: string) => void): Promise<() => void> {
  const channel = channelOf(shop);
  redis.on('message', (from: string, orderId: string) => {
    if (from === channel) listener(orderId);
  });
  // Redis may be down now: ioredis subscribes again when it is back.
  redis.subscribe(channel).catch(() => undefined);
  return () => redis.disconnect();
}
