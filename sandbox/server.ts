/**
 * HTTP for the sandbox, on node:http alone: it has to confirm a thousand payments a second beside
 * everything else on the machine, and a framework would cost more than the work itself.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { SandboxAnswer, SandboxRequest } from './routes';

const BODY_MAX_BYTES = 64 * 1024;
/** paths are read as parts of this */
const SELF = 'http://sandbox';
/** longer than any client of ours keeps an idle connection, so that it is never the server who closes first */
const KEEP_ALIVE_MS = 60_000;

export function createHttpServer(
  route: (request: SandboxRequest) => Promise<SandboxAnswer>,
  onError: (error: unknown) => void,
): Server {
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A caller that hung up is its own business; anything else is a fault of ours.
      if (!request.destroyed || request.complete) onError(error);
      if (response.headersSent) response.destroy();
      else reply(response, 500, { code: 'FAILED_INTERNAL_SYSTEM_PROCESSING', message: 'Something went wrong.' });
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 30_000;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    if (text === null) return reply(response, 413, { code: 'INVALID_REQUEST', message: 'The body is too large.' });
    // Some texts are no path of a URL, such as `//`: whoever asks for them asks for nothing we have.
    const path = request.url ?? '/';
    const url = new URL(URL.canParse(path, SELF) ? path : '/404', SELF);
    write(
      response,
      await route({
        method: request.method ?? 'GET',
        path: url.pathname,
        query: url.searchParams,
        authorization: request.headers.authorization,
        idempotencyKey: headerOf(request, 'idempotency-key'),
        body: parseBody(text, request.headers['content-type'] ?? ''),
      }),
    );
  }
  return server;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The whole body, or null when it is more than we read. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string, type: string): unknown {
  if (type.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function write(response: ServerResponse, answer: SandboxAnswer): void {
  switch (answer.kind) {
    case 'drop':
      response.destroy();
      return;
    case 'redirect':
      response.writeHead(303, { location: answer.location }).end();
      return;
    case 'page':
      response
        .writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        })
        .end(answer.html);
      return;
    case 'answer':
      reply(response, answer.status, answer.body);
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text);
}
