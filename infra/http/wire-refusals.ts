/**
 * Refusals of what never becomes a request of Express: bytes that are not HTTP, headers that are too large, a request
 * that takes too long, one without Host, an expectation nobody meets. Node would answer these with a bare status line;
 * here they are problems like every other refusal, and the connection ends with them.
 */
import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem, type ProblemCode } from '../../domain/errors';
import { problemDocument, sendProblem } from './problem-response';
import { requestIdOf } from './request-headers';

/** Node's codes for a `clientError`; all others are bytes that its parser does not take for HTTP. */
const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Between our end of a connection and its closing. Closing with bytes unread resets it, and what the client has not read
 * of the answer is lost: whoever goes on sending has this long to read.
 */
const LINGER_MS = 1_000;

const problemOfWireError = ({ code = '' }: NodeJS.ErrnoException): Problem =>
  CODES[code] ? new Problem(CODES[code]) : new Problem('malformed_request', { detail: 'this is not valid HTTP' });

/** The whole answer as it goes over the wire: there is no request, so there is no response object either. */
function answerText(problem: Problem): string {
  const requestId = requestIdOf(undefined);
  const body = JSON.stringify(problemDocument(problem, requestId));
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Date: ${new Date().toUTCString()}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    `Request-Id: ${requestId}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

/** A client that keeps its side open, and goes on sending, does not keep the connection. */
function endSoon(socket: Duplex, lastWords = ''): void {
  socket.end(lastWords);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

const refuse = (socket: Duplex, error: Error): void => endSoon(socket, answerText(problemOfWireError(error)));

const CLOSING = { headers: { connection: 'close' } };

/** RFC 9112, section 3.2. Older versions of HTTP know no Host. */
const lacksHost = ({ httpVersion, headers }: IncomingMessage): boolean =>
  httpVersion === '1.1' && headers.host === undefined;

/** A request and its answer, which is under way. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The exchanges under way on each connection, in the order of their requests, which is that of their answers. */
function createExchanges() {
  const bySocket = new WeakMap<Duplex, Set<Exchange>>();
  return {
    begin(exchange: Exchange): void {
      const { socket } = exchange.request;
      const underWay = bySocket.get(socket) ?? new Set();
      bySocket.set(socket, underWay.add(exchange));
      exchange.response.once('close', () => underWay.delete(exchange));
    },
    of: (socket: Duplex): readonly Exchange[] =>
      [...(bySocket.get(socket) ?? [])].filter(({ response }) => !response.writableFinished),
  };
}

/** The connection ends when this answer is out, whole. */
function endAfter(response: ServerResponse, socket: Duplex): void {
  if (response.headersSent) response.once('finish', () => endSoon(socket));
  else response.setHeader('connection', 'close');
}

/** Gives the server's requests to `app`, and refuses by itself what cannot become one. Needs `requireHostHeader: false`. */
export function serveRequests(server: Server, app: RequestListener): void {
  const exchanges = createExchanges();
  const isEnding = new WeakSet<Duplex>();
  server.on('request', (request, response) => {
    exchanges.begin({ request, response });
    if (!lacksHost(request)) return app(request, response);
    sendProblem(
      response,
      new Problem('malformed_request', { detail: 'a Host header is needed', ...CLOSING }),
      requestIdOf(undefined),
    );
  });
  server.on('checkExpectation', (request, response) => {
    exchanges.begin({ request, response });
    sendProblem(response, new Problem('expectation_failed', CLOSING), requestIdOf(undefined));
  });
  server.on('clientError', (error, socket) => {
    // Refused already, and the rest of it still arrives.
    if (socket.writableEnded || isEnding.has(socket)) return;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const underWay = exchanges.of(socket);
    // What came whole takes effect: what follows is not its fault, and a refusal would deny what happens.
    const whole = underWay.findLast(({ request }) => request.complete);
    if (whole) {
      isEnding.add(socket);
      endAfter(whole.response, socket);
      return;
    }
    const [broken] = underWay;
    // In the midst of its answer, or before its turn has come, another one would be read as a part of it.
    if (!broken || (broken.response.socket === socket && !broken.response.headersSent)) refuse(socket, error);
    else socket.destroy();
  });
}
