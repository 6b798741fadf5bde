/**
 * From an admitted request to its answer: choose an instance, wait for a connection, forward, and repeat what is safe to
 * repeat. The principal lives for seconds, so it is signed when the request is sent, not when it comes.
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
import { parsePrefer } from '../infra/http/request-headers';
import { REVOKED_HEADER } from '../infra/http/revocation-news';
import type { Balancer, Upstream } from './balancer';
import type { Pace } from './channel';
import type { ClientBound } from './client-bound';
import { type Forwarded, forward, type Outcome, requestHeaders } from './forward';

export interface ProxyDeps {
  readonly balancer: Balancer;
  readonly principals: PrincipalSigner;
  /** event streams and waiting answers of one client: each keeps a connection, for long */
  readonly waitingBound: ClientBound;
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

/** What is on its way, and where it may go. */
interface Passing {
  readonly forwarded: Forwarded;
  readonly pace: Pace;
  readonly admitted: Admitted;
  readonly response: Response;
  /** headers of one sending: with a principal that has just been signed */
  sign(): Promise<Readonly<Record<string, string>>>;
}

function paceOf(operation: OperationShape, { prefer }: IncomingHttpHeaders): Pace {
  const isWaitedFor =
    operation.headers?.includes('Prefer') === true && Boolean(parsePrefer(String(prefer ?? '')).waitS);
  return operation.access === 'stream' || isWaitedFor ? 'waiting' : 'prompt';
}

/** The member; for a ticket's holder the order, as its id is read and not as it is spelled in the path. */
const clientOf = ({ principal }: Admitted, { params, path }: Request): string =>
  principal?.memberId ?? String(params.orderId ?? path);

export function createProxy({ balancer, principals, waitingBound, onRevoked, onRepeat }: ProxyDeps): RequestProxy {
  const onHeaders = (headers: IncomingHttpHeaders): void => {
    const revoked = headers[REVOKED_HEADER];
    if (typeof revoked === 'string') for (const sessionId of revoked.split(',')) onRevoked(sessionId);
  };

  const prepare = async (request: Request, response: Response, admitted: Admitted): Promise<Passing> => {
    const { operation, principal, requestId } = admitted;
    const { method, path } = request;
    const headers = { ...requestHeaders(request.headers), [REQUEST_ID_HEADER]: requestId };
    const forwarded = { method, path: request.originalUrl, headers, body: await readBody(request) };
    const sign = async (): Promise<Readonly<Record<string, string>>> => {
      if (!principal || operation.access === 'public') return headers;
      const scope = { service: operation.service, method, path, requestId };
      return { ...headers, [PRINCIPAL_HEADER]: await principals.sign(principal, scope) };
    };
    return { forwarded, pace: paceOf(operation, request.headers), admitted, response, sign };
  };

  /** Another instance than those tried; after a broken answer, when there is no other, the same again. */
  const choose = (passing: Passing, tried: ReadonlySet<Upstream>, last: Outcome | undefined): Upstream => {
    const { pace, admitted } = passing;
    const { service } = admitted.operation;
    try {
      return balancer.choose(service, pace, tried);
    } catch (error) {
      if (last?.kind === 'broken') return balancer.choose(service, pace, new Set());
      throw last ? failureOf(last) : error;
    }
  };

  /** Once, to this instance. @throws Problem unavailable when its line does not move; nothing was sent */
  const sendTo = async (upstream: Upstream, { forwarded, pace, response, sign }: Passing): Promise<Outcome> => {
    const channel = upstream.channels[pace];
    const leave = await channel.enter(response);
    try {
      const headers = await sign();
      return await forward(channel, { ...forwarded, headers }, { response, onHeaders });
    } finally {
      leave();
    }
  };

  /** Sends until there is an answer, or no safe way to send again. */
  const send = async (passing: Passing): Promise<void> => {
    const tried = new Set<Upstream>();
    const isSafe = isSafeTwice(passing.admitted.operation, passing.forwarded);
    let wasBroken = false;
    let last: Outcome | undefined;
    for (;;) {
      const upstream = choose(passing, tried, last);
      last = await sendTo(upstream, passing).catch((error: unknown) => {
        // "Not begun" would not be true of a request that broke on its way before.
        throw last && wasBroken ? failureOf(last) : error;
      });
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
    const passing = await prepare(request, response, admitted);
    if (passing.pace === 'prompt') return send(passing);
    const leave = waitingBound.enter(clientOf(admitted, request));
    try {
      await send(passing);
    } finally {
      leave();
    }
  };
}
