/** What a handler is given and what it gives back. */
import type { Request, Response } from 'express';
import type { BodyOf, OperationShape, ParamsOf, QueryOf } from '../../domain/operations/operation';
import type { Principal } from './principal';
import type { Preferences } from './request-headers';

export type PrincipalOf<O extends OperationShape> = O['access'] extends 'member' | 'admin'
  ? Principal
  : Principal | undefined;

export interface OperationRequest<O extends OperationShape = OperationShape> {
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  /** who asks; undefined only for public operations, and for streams opened with a ticket */
  readonly principal: PrincipalOf<O>;
  /** the unquoted Idempotency-Key; only where the operation requires one */
  readonly idempotencyKey: O['idempotent'] extends true ? string : undefined;
  readonly requestId: string;
  readonly prefer: Preferences;
  header(name: string): string | undefined;
  /** for handlers that write the answer themselves (then return STREAMED) */
  readonly raw: { readonly request: Request; readonly response: Response };
  /** aborts when the client is gone before its answer, or when the process stops */
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  /** absent: no body */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Returned by a handler that has written the answer to `raw.response`. */
export const STREAMED = Symbol('streamed');

export type Handler<O extends OperationShape> = (request: OperationRequest<O>) => Promise<Reply | typeof STREAMED>;

/** The answer to a repeated request: as it was, and said to be a repeat. */
export const replayed = (reply: Reply): Reply => ({
  ...reply,
  headers: { ...reply.headers, 'idempotency-replayed': 'true' },
});

/** A signal that is made only when somebody asks for it: most handlers never do. */
export function lazySignal(response: Response, stopping: AbortSignal): () => AbortSignal {
  let signal: AbortSignal | undefined;
  return () => {
    if (signal) return signal;
    const gone = new AbortController();
    if (response.destroyed) gone.abort();
    response.once('close', () => gone.abort());
    signal = AbortSignal.any([gone.signal, stopping]);
    return signal;
  };
}
