/**
 * Serves operations of the public contract. A service binds handlers; everything that the contract says
 * about a request is checked here, before the handler: who may ask, media type, size, schemas, idempotency key.
 */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { Problem } from '../../domain/errors';
import { PRINCIPAL_HEADER } from '../../domain/names';
import type { OperationShape } from '../../domain/operations/operation';
import { type Handler, lazySignal, type OperationRequest, type Reply, STREAMED } from './operation-request';
import type { Principal, PrincipalVerifier } from './principal';
import { bodyReader, readBody } from './request-body';
import { parseIdempotencyKey, parsePrefer } from './request-headers';
import { parseParams, parseQuery } from './validation';

export { type Handler, type OperationRequest, type Reply, replayed, STREAMED } from './operation-request';

/** What the process that serves the operations lends to each request. */
export interface ServiceEdge {
  readonly principals: PrincipalVerifier;
  /** aborts when the process stops */
  readonly stopping: AbortSignal;
  /** the id of this request, decided once per request */
  requestId(response: Response): string;
}

/** Built by `createServiceApp`, which lends it the edge. */
export type OperationRouter = (edge: ServiceEdge) => Router;

export interface Binding {
  readonly operation: OperationShape;
  readonly run: Handler<OperationShape>;
}

/** Ties a handler to an operation; the handler sees exact types of params, query and body. */
export const bind = <const O extends OperationShape>(operation: O, handler: Handler<O>): Binding => ({
  operation,
  // Sound: what `run` is called with was parsed by this operation's own schemas.
  run: (request) => handler(request as unknown as OperationRequest<O>),
});

/** `/v1/orders/{orderId}` → `/v1/orders/:orderId` */
export const expressPath = (template: string): string => template.replaceAll(/\{(\w+)\}/g, ':$1');

async function readPrincipal(
  operation: OperationShape,
  request: Request,
  { edge, requestId }: { readonly edge: ServiceEdge; readonly requestId: string },
): Promise<Principal | undefined> {
  const token = request.headers[PRINCIPAL_HEADER];
  if (typeof token !== 'string') {
    const isAllowed = operation.access === 'public' || (operation.access === 'stream' && request.query.ticket);
    if (isAllowed) return undefined;
    throw new Problem('unauthorized');
  }
  const principal = await edge.principals.verify(token, {
    service: operation.service,
    method: request.method,
    path: request.path,
    requestId,
  });
  if (operation.access === 'admin' && principal.role !== 'ADMIN') throw new Problem('forbidden');
  return principal;
}

const headerOf = (request: Request, name: string): string | undefined => {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
};

function send(response: Response, reply: Reply, requestId: string): void {
  const text = reply.body === undefined ? undefined : JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    'request-id': requestId,
    'cache-control': 'no-store',
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) }),
    ...reply.headers,
  });
  response.end(text);
}

function handlersOf({ operation, run }: Binding, edge: ServiceEdge): RequestHandler[] {
  /** Before the body is read: strangers cannot make us parse. */
  const authenticate: RequestHandler = async (request, response, next) => {
    response.locals.operation = operation.id;
    response.locals.principal = await readPrincipal(operation, request, { edge, requestId: edge.requestId(response) });
    next();
  };
  const answer: RequestHandler = async (request, response) => {
    const requestId = edge.requestId(response);
    const signal = lazySignal(response, edge.stopping);
    const reply = await run({
      params: operation.params && parseParams(operation.params, request.params),
      query: parseQuery(operation, request.query),
      body: readBody(operation, request),
      principal: response.locals.principal as Principal | undefined,
      idempotencyKey: operation.idempotent ? parseIdempotencyKey(headerOf(request, 'idempotency-key')) : undefined,
      requestId,
      prefer: parsePrefer(headerOf(request, 'prefer')),
      header: (name) => headerOf(request, name),
      raw: { request, response },
      get signal() {
        return signal();
      },
    } as OperationRequest);
    if (reply !== STREAMED) send(response, reply, requestId);
  };
  return [authenticate, ...bodyReader(operation), answer];
}

/** Which methods a path has, for Allow. */
const allowOf = (methods: readonly string[]): string =>
  methods
    .flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
    .sort()
    .join(', ');

/** Paths with fewer parameters first: `/v1/payments/confirm` is not a payment id. */
export const byExactness = (a: string, b: string): number => a.split('{').length - b.split('{').length;

/** For what is left of a path when its methods are bound. @throws Problem method_not_allowed */
export function refuseOthers(methods: readonly string[]): RequestHandler {
  const headers = { allow: allowOf(methods) };
  return () => {
    throw new Problem('method_not_allowed', { headers });
  };
}

/** A router of the bound operations; other methods of their paths are answered 405 with Allow. */
export function operationRouter(bindings: readonly Binding[]): OperationRouter {
  return (edge) => {
    const router = Router({ caseSensitive: true, strict: true });
    const paths = [...new Set(bindings.map(({ operation }) => operation.path))].sort(byExactness);
    for (const path of paths) {
      const bound = bindings.filter(({ operation }) => operation.path === path);
      const route = router.route(expressPath(path));
      for (const binding of bound) route[binding.operation.method](...handlersOf(binding, edge));
      route.all(refuseOthers(bound.map(({ operation }) => operation.method)));
    }
    return router;
  };
}
