/**
 * From an admitted request to its answer: choose an instance, forward, and repeat what is safe to repeat.
 * Refused connections: on every other instance, whatever the method, for no byte was sent. Broken without an answer:
 * once, and only reads and operations that take an Idempotency-Key and were given one; anything else might take effect
 * twice, whatever headers a client adds to it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Request, Response } from 'express';
import { Problem } from '../domain/errors';
import { PRINCIPAL_HEADER, REQUEST_ID_HEADER, type ServiceName } from '../domain/names';
import type { OperationShape } from '../domain/operations/operation';
import type { Principal, PrincipalSigner } from '../infra/http/principal';
import { REVOKED_HEADER } from '../infra/http/revocation-news';
import type { Balancer, Upstream } from './balancer';
import { type Forwarded, forward, type Outcome, requestHeaders } from './forward';

export interface ProxyDeps {
  readonly balancer: Balancer;
  readonly principals: PrincipalSigner;
  /** a service ended this session with its answer */
  onRevoked(sessionId: string): void;
  onRepeat(outcome: Outcome['kind']): void;
}

export interface Admitted {
  readonly operation: OperationShape & { readonly service: ServiceName };
  readonly principal: Principal | undefined;
  readonly requestId: string;
}

export type RequestProxy = (request: Request, response: Response, admitted: Admitted) => Promise<void>;

/** Bytes a body may have; the services' own limit. */
const BODY_MAX_BYTES = 64 * 1024;

/** Refuses a large body and lets the rest of it run into nothing, so that the client reads the refusal. */
function refuseBody(request: Request): never {
  request.resume();
  throw new Problem('body_too_large');
}

/** The whole body, unparsed; null when there is none. @throws Problem body_too_large */
async function readBody(request: Request): Promise<Buffer | null> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > BODY_MAX_BYTES) refuseBody(request);
  if (announced === 0 && request.headers['transfer-encoding'] === undefined) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_MAX_BYTES) refuseBody(request);
    chunks.push(chunk);
  }
  return size === 0 ? null : Buffer.concat(chunks, size);
}

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

/** A header alone promises nothing: only an operation of the contract that takes the key makes its effect once. */
const isSafeTwice = (operation: OperationShape, { method, headers }: Forwarded): boolean =>
  isRead(method) || (operation.idempotent === true && headers['idempotency-key'] !== undefined);

function failureOf(outcome: Outcome): Problem {
  const cause = 'error' in outcome ? outcome.error : undefined;
  const isLate = cause && 'code' in cause && cause.code === 'UND_ERR_HEADERS_TIMEOUT';
  return new Problem(outcome.kind === 'refused' || isLate ? 'unavailable' : 'bad_gateway', {}, { cause });
}

export function createProxy({ balancer, principals, onRevoked, onRepeat }: ProxyDeps): RequestProxy {
  const onHeaders = (headers: IncomingHttpHeaders): void => {
    const revoked = headers[REVOKED_HEADER];
    if (typeof revoked === 'string') for (const sessionId of revoked.split(',')) onRevoked(sessionId);
  };

  const prepare = async (request: Request, { operation, principal, requestId }: Admitted): Promise<Forwarded> => {
    const { method, path } = request;
    const headers = requestHeaders(request.headers);
    headers[REQUEST_ID_HEADER] = requestId;
    if (principal && operation.access !== 'public') {
      const scope = { service: operation.service, method, path, requestId };
      headers[PRINCIPAL_HEADER] = await principals.sign(principal, scope);
    }
    const waits =
      operation.access === 'stream' || (operation.headers?.includes('Prefer') === true && 'prefer' in headers);
    return { method, path: request.originalUrl, headers, body: await readBody(request), waits };
  };

  /** Another instance than those tried; after a broken answer, when there is no other, the same again. */
  const choose = (service: ServiceName, tried: ReadonlySet<Upstream>, last: Outcome | undefined): Upstream => {
    try {
      return balancer.choose(service, tried);
    } catch (error) {
      if (last?.kind === 'broken') return balancer.choose(service, new Set());
      throw last ? failureOf(last) : error;
    }
  };

  /** Sends until there is an answer, or no safe way to send again. */
  const send = async (forwarded: Forwarded, { operation }: Admitted, response: Response): Promise<void> => {
    const tried = new Set<Upstream>();
    const isSafe = isSafeTwice(operation, forwarded);
    let wasBroken = false;
    let last: Outcome | undefined;
    for (;;) {
      const upstream = choose(operation.service, tried, last);
      last = await forward(upstream, forwarded, { response, onHeaders });
      if (last.kind === 'refused') balancer.refused(upstream);
      else if (last.kind === 'answered') balancer.answered(upstream);
      if (last.kind === 'answered' || last.kind === 'left') return;
      const mayRepeat = last.kind === 'refused' || (last.kind === 'broken' && !wasBroken && isSafe);
      if (!mayRepeat) throw failureOf(last);
      wasBroken ||= last.kind === 'broken';
      tried.add(upstream);
      onRepeat(last.kind);
    }
  };

  return async (request, response, admitted) => {
    const forwarded = await prepare(request, admitted);
    await send(forwarded, admitted, response);
  };
}
