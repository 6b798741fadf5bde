/** How long the line is: the place of the order that was accepted last, as its buyer may see it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Http } from './http';
import type { Newest } from './tally';

const EVERY_MS = 1_000;

export interface Backlog {
  /** accepted orders without a saga; null until it is known */
  length(): number | null;
  /** after a last look */
  stop(): Promise<void>;
}

/** Asks once a second. An answer that does not come leaves the last one standing: the sale is not about this. */
export function watchBacklog(gateway: Pick<Http, 'send'>, newest: () => Newest | null, everyMs = EVERY_MS): Backlog {
  let length: number | null = null;
  const stopping = new AbortController();
  const look = async (): Promise<void> => {
    const order = newest();
    if (!order) return;
    const path = `/v1/checkouts/${order.orderId}`;
    const { status, body } = await gateway.send({ method: 'GET', path, token: order.token });
    if (status === 200) length = body.status === 'QUEUED' ? Number(body.ahead ?? 0) + 1 : 0;
  };
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch(() => undefined);
      await pause(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    length: () => length,
    async stop() {
      stopping.abort();
      await watching;
      // Everybody has been followed to the end: the last word is that of now.
      await look().catch(() => undefined);
    },
  };
}
