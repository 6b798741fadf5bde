/**
 * How long the line is: the places of those who stand last in it, as their buyers may see them. Payers overtake, so the last
 * of those who do not pay sees the whole line, as long as one of them waits; then the last payer does.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Http } from './http';
import type { Newest } from './tally';

const EVERY_MS = 250;

export interface Backlog {
  /** accepted orders without a saga; null until it is known */
  length(): number | null;
  /** after a last look */
  stop(): Promise<void>;
}

/** Asks four times a second. While no answer comes it is not known: the sale is not about this, and goes on. */
export function watchBacklog(
  gateway: Pick<Http, 'send'>,
  lastOnes: () => readonly Newest[],
  everyMs = EVERY_MS,
): Backlog {
  let length: number | null = null;
  const stopping = new AbortController();
  const placeOf = async ({ orderId, member: { accessToken: token } }: Newest): Promise<number> => {
    const { status, body } = await gateway.send({ method: 'GET', path: `/v1/checkouts/${orderId}`, token });
    if (status !== 200) throw new Error(`the place of ${orderId} was answered with ${status}`);
    return body.status === 'QUEUED' ? Number(body.ahead ?? 0) + 1 : 0;
  };
  const look = async (): Promise<void> => {
    const asked = lastOnes();
    if (asked.length === 0) return;
    length = Math.max(...(await Promise.all(asked.map(placeOf))));
  };
  const forget = (): void => {
    length = null;
  };
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch(forget);
      await pause(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    length: () => length,
    async stop() {
      stopping.abort();
      await watching;
      // Everybody has been followed to the end: the last word is that of now.
      await look().catch(forget);
    },
  };
}
