/** Listening with defences, and stopping without losing a request. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Express } from 'express';
import { appClasses } from './express-app';
import { serveRequests } from './wire-refusals';

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose */
  readonly port: number;
  /** connections above this are closed at once; default 10,000 */
  readonly maxConnections?: number;
  /** ms that requests under way may take after `close`; default 10 s */
  readonly drainMs?: number;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, lets requests under way end, then closes what is left. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 10_000;
const DRAIN_MS = 10_000;
/** Slow senders hold a connection no longer than this (Node's defaults are 60 s and 300 s). */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Above the keep-alive of the gateway's pools, so that it is the client that closes: no request meets a closing socket. */
const KEEP_ALIVE_MS = 30_000;

async function close(server: Server, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const isClosed = closed.then(() => true);
  const deadline = Date.now() + drainMs;
  while (Date.now() < deadline) {
    // A kept-alive connection becomes idle when its answer is out.
    server.closeIdleConnections();
    if (await Promise.race([isClosed, pause(20, false)])) return;
  }
  server.closeAllConnections();
  await closed;
}

/** Rejects when the address cannot be had. */
export async function listen(app: Express, options: ListenOptions): Promise<Listening> {
  const server = createServer({
    ...appClasses(app),
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 2_000,
    noDelay: true,
    // Asked for by `serveRequests`, which says what is wrong.
    requireHostHeader: false,
  });
  serveRequests(server, app);
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, backlog: 2_048 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host === '0.0.0.0' || options.host === '::' ? '127.0.0.1' : options.host;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () => {
      app.emit('stopping');
      return close(server, options.drainMs ?? DRAIN_MS);
    },
  };
}
