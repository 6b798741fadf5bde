/** One request to one instance, its answer streamed back; told apart by what may be done after a failure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Channel } from './channel';

export interface Forwarded {
  readonly method: string;
  /** path with query */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** whole: bodies are small, and a slow sender must not hold a service */
  readonly body: Buffer | null;
}

/**
 * `refused`: no byte was sent. `broken`: sent, and no answer came; the effect is unknown.
 * `cut`: the answer had begun. `left`: the client is gone.
 */
export type Outcome =
  | { readonly kind: 'answered' }
  | { readonly kind: 'refused' | 'broken' | 'cut'; readonly error: Error }
  | { readonly kind: 'left' };

const REFUSED_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'UND_ERR_CONNECT_TIMEOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  // the pool was closed between choosing and sending
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
]);
const isRefusal = (error: Error): boolean => 'code' in error && REFUSED_CODES.has(error.code);

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Not for services, or set anew by the gateway. */
const KEPT_BACK: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'request-id',
]);
const isInternal = (name: string): boolean => name.startsWith('x-firstcome-') || name.startsWith('x-forwarded-');

/** What of a client's headers reaches a service: identity and addresses from outside never do. */
export function requestHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isDropped = HOP_BY_HOP.has(name) || KEPT_BACK.has(name) || named.has(name) || isInternal(name);
    if (!isDropped && value !== undefined) kept[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return kept;
}

function responseHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!HOP_BY_HOP.has(name) && !isInternal(name) && value !== undefined) kept[name] = value;
  }
  return kept;
}

const isStream = (headers: IncomingHttpHeaders): boolean =>
  headers['content-type']?.startsWith('text/event-stream') ?? false;

/** Resolves when the answer is out or has failed; never rejects. `onHeaders` sees what the service says to us alone. */
export function forward(
  { pool }: Pick<Channel, 'pool'>,
  request: Forwarded,
  answer: { readonly response: ServerResponse; onHeaders(headers: IncomingHttpHeaders): void },
): Promise<Outcome> {
  const { response, onHeaders } = answer;
  return new Promise<Outcome>((resolve) => {
    let hasBegun = false;
    let onClose: () => void = () => undefined;
    let onDrain: () => void = () => undefined;
    const settle = (outcome: Outcome): void => {
      response.off('close', onClose);
      response.off('drain', onDrain);
      resolve(outcome);
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        onClose = () => controller.abort(new Error('the client is gone'));
        onDrain = () => controller.resume();
        // Gone while it stood in line: no byte is sent.
        if (response.destroyed) onClose();
        else response.on('close', onClose).on('drain', onDrain);
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        hasBegun = true;
        onHeaders(headers);
        response.writeHead(status, responseHeaders(headers));
        // An event stream's first event may be long in coming; anything else leaves with its body, in one packet.
        if (isStream(headers)) response.flushHeaders();
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause();
      },
      onResponseEnd() {
        response.end();
        settle({ kind: 'answered' });
      },
      onResponseError(_controller, error) {
        if (response.destroyed) settle({ kind: 'left' });
        else if (hasBegun) settle({ kind: 'cut', error });
        else settle({ kind: isRefusal(error) ? 'refused' : 'broken', error });
      },
    };
    const { method, path, headers, body } = request;
    try {
      pool.dispatch({ method: method as Dispatcher.HttpMethod, path, headers, body }, handler);
    } catch (error) {
      settle({ kind: 'refused', error: error instanceof Error ? error : new Error(String(error)) });
    }
  });
}
