/** Health and metrics of a process that serves nothing else: `/livez`, `/readyz`, `/metrics`. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics';

export interface HealthOptions {
  /** 0 lets the system choose; the result says which. */
  readonly port: number;
  readonly host?: string;
  /** True when this process does its work; a throw counts as false. Asked on every GET /readyz. */
  ready(): boolean | Promise<boolean>;
  readonly metrics: Metrics;
}

export interface HealthServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** Listens and answers 200 or 503; rejects when the port is taken. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const host = options.host ?? '127.0.0.1';
  const server = createServer((request, response) => {
    void route(request.url ?? '', options, response).catch(() => text(response, 500, 'failed'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port, url: `http://${host}:${port}`, close };
}

async function route(path: string, options: HealthOptions, response: ServerResponse): Promise<void> {
  if (path === '/livez') return text(response, 200, 'ok');
  if (path === '/readyz') {
    const ready = await Promise.resolve()
      .then(() => options.ready())
      .catch(() => false);
    return ready ? text(response, 200, 'ready') : text(response, 503, 'not ready');
  }
  if (path === '/metrics') {
    const body = await options.metrics.metrics();
    return text(response, 200, body, options.metrics.contentType);
  }
  return text(response, 404, 'not found');
}

function text(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type }).end(`${body}\n`);
}
