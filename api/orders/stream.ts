/**
 * Server-sent events of one checkout (WHATWG HTML, section 9.2).
 * Event id = history id, data = the GET body. Pub/sub only wakes; what is sent was read from MariaDB.
 * The stream ends after the final state; a client that comes back with that id gets 204 and stays away.
 */
import type { ServerResponse } from 'node:http';
import { isSettled } from '../../domain/order';
import type { OrdersService } from './service';

export interface StreamRequest {
  readonly orderId: string;
  /** whose order it must be; null: a ticket of this order was shown */
  readonly viewer: string | null;
  /** what the client has seen already; 0: nothing */
  readonly lastSeen: number;
  /** HEAD: what a GET would begin with, and nothing to follow */
  readonly isHead: boolean;
  readonly response: ServerResponse;
  /** aborts when the client is gone or the process stops */
  readonly signal: AbortSignal;
}

const COMMENT_EVERY_MS = 15_000;
const RETRY_MS = 2_000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Proxies of the nginx kind would gather the events.
  'x-accel-buffering': 'no',
};

/** Writes the stream until the final state or until the client is gone. */
export async function streamCheckout(service: OrdersService, request: StreamRequest): Promise<void> {
  const { orderId, viewer, response, signal } = request;
  let { view, newest } = await service.follow(orderId, viewer);
  // An id that this order never had (of another order, or of a database that was restored since) says nothing of what was seen.
  let seen = request.lastSeen <= newest ? request.lastSeen : 0;
  if (isSettled(view.status) && newest <= seen) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, HEADERS);
  if (request.isHead) {
    response.end();
    return;
  }
  response.write(`retry: ${RETRY_MS}\n\n`);
  for (;;) {
    if (newest > seen) response.write(`event: status\nid: ${newest}\ndata: ${JSON.stringify(view)}\n\n`);
    seen = newest;
    if (isSettled(view.status)) break;
    const moved = await service.followers.wait(orderId, seen, COMMENT_EVERY_MS, signal);
    if (signal.aborted) break;
    if (moved === null) response.write(': still here\n\n');
    else ({ view, newest } = await service.follow(orderId, viewer));
  }
  response.end();
}
