/** The gateway's HTTP application: who may ask, how much, and where it goes. It knows the contract, not the business. */
import { type Express, type RequestHandler, type Response, Router } from 'express';
import helmet from 'helmet';
import type { JSONWebKeySet } from 'jose';
import { Problem } from '../domain/errors';
import { REQUEST_ID_HEADER, type ServiceName } from '../domain/names';
import { operations } from '../domain/operations';
import type { OperationShape } from '../domain/operations/operation';
import { createExpressApp } from '../infra/http/express-app';
import { byExactness, expressPath, refuseOthers } from '../infra/http/operation-router';
import type { Principal } from '../infra/http/principal';
import { requestIdOf } from '../infra/http/request-headers';
import { useMetrics, useProblems } from '../infra/http/service-app';
import { parseQuery } from '../infra/http/validation';
import type { Logger } from '../infra/process/logger';
import type { Metrics } from '../infra/process/metrics';
import type { Balancer } from './balancer';
import { docsRouter, pagePolicy } from './docs-page';
import { openApiDocument } from './openapi';
import { problemPage } from './pages';
import type { Admitted, RequestProxy } from './proxy';
import type { TokenVerifier } from './tokens';

export interface GatewayDeps {
  readonly tokens: TokenVerifier;
  readonly limiter: RequestHandler;
  readonly guessLimiter: RequestHandler;
  readonly proxy: RequestProxy;
  readonly balancer: Balancer;
  readonly publicKeys: JSONWebKeySet;
  readonly publicUrl: string;
  /** hops of trusted proxies in front; with any, their Request-Id is kept */
  readonly trustProxy: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  ready(): boolean;
}

/** What is known of a request on its way through; kept in `response.locals`. */
interface Passage {
  requestId: string;
  /** id of the operation, for metrics */
  operation?: string;
  service?: string;
  principal?: Principal;
}
export const passageOf = (response: Response): Passage => response.locals as Passage;

const isWrite = (method: string): boolean => method !== 'GET' && method !== 'HEAD';

/** Verifies the token there is. Public operations take no notice of a bad one; others keep its refusal for after the limit. */
function identify(operation: OperationShape, tokens: TokenVerifier) {
  return async (authorization: string | undefined, method: string): Promise<Principal | Problem | undefined> => {
    if (authorization === undefined && operation.access === 'public') return undefined;
    try {
      return await tokens.verify(authorization, operation.access !== 'public' && isWrite(method));
    } catch (error) {
      if (operation.access === 'public') return undefined;
      if (error instanceof Problem) return error;
      throw error;
    }
  };
}

function handlersOf(operation: OperationShape, deps: GatewayDeps): RequestHandler[] {
  const whoSends = identify(operation, deps.tokens);
  const enter: RequestHandler = async (request, response, next) => {
    const passage = passageOf(response);
    passage.operation = operation.id;
    passage.service = operation.service;
    const found = await whoSends(request.headers.authorization, request.method);
    if (!(found instanceof Problem)) passage.principal = found;
    // The limit comes first: whoever guesses tokens is slowed down too.
    deps.limiter(request, response, (error?: unknown) =>
      next(error ?? refusalOf(operation, found, request.query.ticket)),
    );
  };
  const answer =
    operation.service === 'gateway' ? showRegistry(operation, deps) : pass(operation as Admitted['operation'], deps);
  return operation.isGuessable ? [enter, deps.guessLimiter, answer] : [enter, answer];
}

function refusalOf(
  operation: OperationShape,
  found: Principal | Problem | undefined,
  ticket: unknown,
): Problem | undefined {
  if (operation.access === 'public') return undefined;
  // The service judges the ticket: it is for one order, and the gateway knows none.
  if (operation.access === 'stream' && typeof ticket === 'string') return undefined;
  if (found instanceof Problem) return found;
  return operation.access === 'admin' && found?.role !== 'ADMIN' ? new Problem('forbidden') : undefined;
}

const pass =
  (operation: Admitted['operation'], { proxy }: GatewayDeps): RequestHandler =>
  async (request, response) => {
    const { principal, requestId } = passageOf(response);
    await proxy(request, response, { operation, principal, requestId });
  };

const showRegistry =
  (operation: OperationShape, { balancer }: GatewayDeps): RequestHandler =>
  (request, response) => {
    parseQuery(operation, request.query);
    const items = balancer.all().map(({ instance, channels, leftOutUntil }) => ({
      ...instance,
      inFlight: channels.prompt.size + channels.waiting.size,
      leftOut: leftOutUntil > Date.now(),
    }));
    response.set('cache-control', 'no-store').json({ items: items.sort((a, b) => a.service.localeCompare(b.service)) });
  };

/** Every operation of the contract, and nothing else of the services. */
function operationsRouter(deps: GatewayDeps): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const path of [...new Set(operations.map((operation) => operation.path))].sort(byExactness)) {
    const own = operations.filter((operation) => operation.path === path);
    const route = router.route(expressPath(path));
    for (const operation of own) route[operation.method](...handlersOf(operation, deps));
    route.all(refuseOthers(own.map(({ method }) => method)));
  }
  return router;
}

/** What is not under /v1: keys, contract, pages, health. All of it is read only. */
function pagesRouter({ publicKeys, publicUrl, ready }: GatewayDeps): Router {
  const router = Router();
  const refuse = refuseOthers(['get']);
  const show = (path: string, ...handlers: RequestHandler[]): void => {
    router
      .route(path)
      .get(...handlers)
      .all(refuse);
  };
  const cacheable = { 'cache-control': 'public, max-age=300' };
  // Made when somebody asks: it would be a part of every start.
  let openApi: object | undefined;
  show('/.well-known/jwks.json', (_request, response) => void response.set(cacheable).json(publicKeys));
  show('/openapi.json', (_request, response) => {
    openApi ??= openApiDocument(publicUrl);
    response.set(cacheable).json(openApi);
  });
  router.use('/docs', docsRouter(), (request, response, next) => {
    if (isWrite(request.method)) refuse(request, response, next);
    else next();
  });
  show('/problems/:code', pagePolicy, (request, response) => {
    const page = problemPage(String(request.params.code));
    if (!page) throw new Problem('not_found');
    response.type('html').send(page);
  });
  show('/livez', (_request, response) => void response.type('text').send('ok\n'));
  show('/readyz', (_request, response) => {
    response
      .status(ready() ? 200 : 503)
      .type('text')
      .send(ready() ? 'ready\n' : 'not ready\n');
  });
  return router;
}

/**
 * Requests that a client sends on one connection without waiting for their answers (pipelining) are begun one after the
 * other: an answer that is not its turn yet can neither be written nor tell that its client is gone.
 */
const inTurn: RequestHandler = (_request, response, next) => {
  if (response.socket) next();
  else response.once('socket', () => next());
};

export function createGatewayApp(deps: GatewayDeps): Express {
  const app = createExpressApp();
  app.use(inTurn);
  app.set('trust proxy', deps.trustProxy);
  app.use((request, response, next) => {
    // From outside it might repeat, and the principal is bound to it.
    const given = deps.trustProxy > 0 ? request.headers[REQUEST_ID_HEADER] : undefined;
    passageOf(response).requestId = requestIdOf(given);
    response.setHeader(REQUEST_ID_HEADER, passageOf(response).requestId);
    next();
  });
  app.use(helmet());
  useMetrics(app, deps.metrics);
  app.use(operationsRouter(deps));
  app.use(pagesRouter(deps));
  useProblems(app, deps.logger);
  return app;
}

/** True from the moment every service has been seen: later gaps are answered per request, not by leaving altogether. */
export function createReadiness(balancer: Balancer, services: readonly ServiceName[]): () => boolean {
  let hasBeen = false;
  return () => {
    const known = new Set(balancer.all().map(({ instance }) => instance.service));
    hasBeen ||= services.every((service) => known.has(service));
    return hasBeen;
  };
}
