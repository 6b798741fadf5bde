/**
 * The way of one kind of request to one instance: its connections, and the line before them. Whoever stands in line has
 * sent nothing yet, so it can be turned away without harm: when the line is too long, or does not move.
 */
import type { ServerResponse } from 'node:http';
import { Semaphore, withTimeout } from 'async-mutex';
import { Pool } from 'undici';
import { Problem } from '../domain/errors';

/**
 * `prompt`: answered as fast as it can be. `waiting`: an event stream, or an answer that the client wants to be waited
 * for; those keep their connection for long, and would leave none to the others.
 */
export type Pace = 'prompt' | 'waiting';

export interface ChannelLimits {
  /** prompt requests sent to one instance at once: more than its cores and its pool of MariaDB connections can work on */
  readonly connections: number;
  /** with the line: a burst that an instance works off while its line waits */
  readonly lineMax: number;
  /** ms; a client that waits longer is better told to come again */
  readonly lineWaitMs: number;
  /** waiting requests; a connection each, so a file handle here and one there */
  readonly streamsMax: number;
}

export interface ChannelOptions {
  readonly url: string;
  /** requests that are sent at once, each on a connection of its own */
  readonly connections: number;
  /** requests under way and in line, above which the channel is full */
  readonly max: number;
  /** ms that a request waits for a connection at most */
  readonly patienceMs: number;
}
/** Emits `close` when it is gone. */
export type Client = Pick<ServerResponse, 'once' | 'off'>;

export interface Channel {
  readonly pool: Pool;
  /** requests of this gateway under way and in line */
  readonly size: number;
  readonly isFull: boolean;
  /**
   * Waits for a connection: whoever is let in sends at once. A client that closes is no longer counted.
   * @returns what gives the connection back
   * @throws Problem unavailable after `patienceMs`; nothing was sent
   */
  enter(client: Client): Promise<() => void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/** Below the 30 s of services, so that we close first: no request meets a socket that closes. */
const KEEP_ALIVE_MS = 10_000;
/** Above the longest `Prefer: wait`. */
const HEADERS_MS = 45_000;
/** Event streams send a comment every 15 s. */
const BODY_MS = 60_000;

const STANDS_STILL = 'Too many requests are under way. This one was not begun.';

export function createChannel({ url, connections, max, patienceMs }: ChannelOptions): Channel {
  const pool = new Pool(url, {
    connections,
    pipelining: 1,
    connect: { timeout: 2_000, noDelay: true },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_MS,
    bodyTimeout: BODY_MS,
  });
  const isLate = new Error('no connection in time');
  const places = withTimeout(new Semaphore(connections), patienceMs, isLate);
  let size = 0;
  return {
    pool,
    get size() {
      return size;
    },
    get isFull() {
      return size >= max;
    },
    async enter(client) {
      let isCounted = true;
      size += 1;
      const uncount = (): void => {
        if (isCounted) size -= 1;
        isCounted = false;
        client.off('close', uncount);
      };
      // Those who gave up and come again must not find the line full of themselves.
      client.once('close', uncount);
      try {
        const [, leave] = await places.acquire();
        return () => {
          uncount();
          leave();
        };
      } catch (error) {
        uncount();
        throw error === isLate ? new Problem('unavailable', { detail: STANDS_STILL }) : error;
      }
    },
    close: () => pool.close(),
  };
}

export function createChannels(url: string, limits: ChannelLimits): Readonly<Record<Pace, Channel>> {
  const { connections, lineMax, lineWaitMs: patienceMs, streamsMax } = limits;
  return {
    prompt: createChannel({ url, connections, max: lineMax, patienceMs }),
    waiting: createChannel({ url, connections: streamsMax, max: streamsMax, patienceMs }),
  };
}
