/** One HTTP application of one or several services: operations, health, metrics. Only the gateway reaches it. */
import type { ErrorRequestHandler, Express, Request, Response } from 'express';
import { Histogram } from 'prom-client';
import { Problem } from '../../domain/errors';
import { REQUEST_ID_HEADER, type ServiceName } from '../../domain/names';
import type { Logger } from '../process/logger';
import type { Metrics } from '../process/metrics';
import { createExpressApp } from './express-app';
import type { OperationRouter } from './operation-router';
import { createPrincipals } from './principal';
import { logFailure, problemOf, sendProblem } from './problem-response';
import { requestIdOf } from './request-headers';

export interface ServiceAppOptions {
  /** services this process runs: in metrics and logs */
  readonly services: readonly ServiceName[];
  readonly routers: readonly OperationRouter[];
  /** base64url, at least 32 bytes; the gateway's */
  readonly principalSecret: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** true when requests can be served; a throw counts as false */
  ready(): boolean | Promise<boolean>;
}

const requestIdIn = (response: Response): string => String(response.locals.requestId);

/** Seconds; a checkout answers within milliseconds, a waiting one (`Prefer: wait`) within 30 s. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function useMetrics(app: Express, metrics: Metrics): void {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'time from request to the end of its answer',
    labelNames: ['operation', 'status'],
    buckets: BUCKETS,
    registers: [metrics],
  });
  app.use((_request, response, next) => {
    const startedAt = process.hrtime.bigint();
    response.once('finish', () => {
      const operation = String(response.locals.operation ?? 'none');
      const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
      durations.observe({ operation, status: String(response.statusCode) }, seconds);
    });
    next();
  });
}

/** `/livez`, `/readyz`, `/metrics`: for whoever runs the process; the gateway routes none of them. */
export function useHealth(app: Express, options: Pick<ServiceAppOptions, 'metrics' | 'ready'>): void {
  app.get('/livez', (_request, response) => void response.type('text').send('ok\n'));
  app.get('/readyz', async (_request, response) => {
    const isReady = await Promise.resolve()
      .then(() => options.ready())
      .catch(() => false);
    response
      .status(isReady ? 200 : 503)
      .type('text')
      .send(isReady ? 'ready\n' : 'not ready\n');
  });
  app.get('/metrics', async (_request, response) => {
    response.setHeader('content-type', options.metrics.contentType);
    response.end(await options.metrics.metrics());
  });
}

/** The last handlers of an application: nothing matched, and everything thrown. */
export function useProblems(app: Express, logger: Logger): void {
  app.use(() => {
    throw new Problem('not_found');
  });
  const onError: ErrorRequestHandler = (error: unknown, request: Request, response, _next) => {
    // The client left before its request was whole: nobody to answer, and nothing of ours to mend.
    if (request.errored !== null && error === request.errored) return;
    const problem = problemOf(error);
    const requestId = requestIdIn(response);
    logFailure(logger, problem, { requestId, method: request.method, path: request.path });
    sendProblem(response, problem, requestId);
  };
  app.use(onError);
}

/** Express application; give it to `listen`. Streams end when that is closed. */
export function createServiceApp(options: ServiceAppOptions): Express {
  const app = createExpressApp();
  const stopping = new AbortController();
  app.once('stopping', () => stopping.abort());
  const edge = {
    principals: createPrincipals(options.principalSecret),
    stopping: stopping.signal,
    requestId: requestIdIn,
  };
  app.use((request, response, next) => {
    response.locals.requestId = requestIdOf(request.headers[REQUEST_ID_HEADER]);
    response.setHeader(REQUEST_ID_HEADER, response.locals.requestId);
    next();
  });
  useMetrics(app, options.metrics);
  useHealth(app, options);
  for (const router of options.routers) app.use(router(edge));
  useProblems(app, options.logger.child({ services: options.services }));
  return app;
}
