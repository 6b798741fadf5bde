/** Follows orders by their event streams, as a shop's page does: one connection each, and nobody polls. */
import { Pool } from 'undici';

export type OrderBody = Readonly<Record<string, unknown>>;

export interface Stream {
  /** `eventsUrl` of the checkout's answer */
  readonly path: string;
  readonly token: string;
}
export interface Events {
  /** The first state of the order for which `isWanted` holds; null when there is none within `withinMs`, or no stream. */
  find(stream: Stream, isWanted: (body: OrderBody) => boolean, withinMs: number): Promise<OrderBody | null>;
  close(): Promise<void>;
}

/** The states in a text of whole events; comments and other fields are passed over. */
const bodiesOf = (events: string): readonly OrderBody[] =>
  events
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)) as OrderBody);

export function createEvents(baseUrl: string): Events {
  const { origin, pathname } = new URL(baseUrl);
  // As many connections as there are streams: one that waited for another to end would wait for the sale to end.
  const pool = new Pool(origin, { pipelining: 1, connect: { timeout: 20_000 } });
  const prefix = pathname.replace(/\/+$/, '');

  async function read(
    { path, token }: Stream,
    isWanted: (body: OrderBody) => boolean,
    signal: AbortSignal,
  ): Promise<OrderBody | null> {
    const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
    const answer = await pool.request({ method: 'GET', path: `${prefix}${path}`, headers, signal });
    let rest = '';
    for await (const chunk of answer.body.setEncoding('utf8')) {
      const whole = `${rest}${chunk}`.split('\n\n');
      rest = whole.pop() ?? '';
      const found = answer.statusCode === 200 && whole.flatMap(bodiesOf).find(isWanted);
      if (found) return found;
    }
    return null;
  }

  return {
    async find(stream, isWanted, withinMs) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), withinMs);
      try {
        return await read(stream, isWanted, stop.signal);
      } catch {
        // Time is up or the stream broke: whoever follows looks for itself.
        return null;
      } finally {
        clearTimeout(timer);
        stop.abort();
      }
    },
    close: () => pool.destroy(),
  };
}
