/**
 * The public contract as data. Services bind handlers to these operations, the gateway routes by them,
 * and the OpenAPI document is generated from them: what validates is what is documented.
 */
import type { z } from 'zod';
import type { ProblemCode } from '../errors';
import type { ServiceName } from '../names';

/**
 * public: no token · member: any valid token · admin: role ADMIN (a member gets 403) ·
 * stream: a token, or the ticket of one order in the query (event streams of browsers cannot set headers).
 */
export type Access = 'public' | 'member' | 'admin' | 'stream';

/** Who answers: one of the five services, or the gateway itself. */
export type OperationOwner = ServiceName | 'gateway';

/** Headers that an operation reads, beside Authorization and Idempotency-Key. */
export type RequestHeader = 'If-Match' | 'Last-Event-ID' | 'Prefer';
/** Headers that an answer may carry, beside those that every answer has. */
export type AnswerHeader = 'ETag' | 'Idempotency-Replayed' | 'Location' | 'Preference-Applied';

export type BodyType = 'application/json' | 'application/merge-patch+json';

export interface Answer {
  readonly description: string;
  /** absent: no body */
  readonly schema?: z.ZodType;
  readonly mediaType?: 'application/json' | 'text/event-stream';
  readonly headers?: readonly AnswerHeader[];
}

export interface OperationShape {
  readonly id: string;
  readonly summary: string;
  readonly service: OperationOwner;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** OpenAPI template, such as /v1/orders/{orderId} */
  readonly path: string;
  readonly access: Access;
  /** true: a stranger can try secrets here, so the gateway counts its refusals per address */
  readonly isGuessable?: boolean;
  /** true: the Idempotency-Key header is required */
  readonly idempotent?: boolean;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: readonly RequestHeader[];
  readonly body?: z.ZodType;
  /** media types that the body may have, the best first; default application/json */
  readonly bodyTypes?: readonly BodyType[];
  readonly answers: Readonly<Record<number, Answer>>;
  /** problems beyond those every operation may answer (malformed_request, unauthorized, rate_limited, unavailable …) */
  readonly problems?: readonly ProblemCode[];
}

/** Keeps the literal types of one operation, so that handlers see exact params, query and body. */
export const defineOperation = <const O extends OperationShape>(operation: O): O => operation;

const JSON_ONLY: readonly BodyType[] = ['application/json'];
export const bodyTypesOf = ({ bodyTypes }: OperationShape): readonly BodyType[] => bodyTypes ?? JSON_ONLY;

/** Where a 415 names those media types: POST (W3C's LDP) and PATCH (RFC 5789) have headers of their own (else RFC 9110). */
export function acceptHeaderOf({ method }: OperationShape): 'Accept' | 'Accept-Patch' | 'Accept-Post' {
  if (method === 'post') return 'Accept-Post';
  return method === 'patch' ? 'Accept-Patch' : 'Accept';
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
export type ParamsOf<O extends OperationShape> = Parsed<O['params']>;
export type QueryOf<O extends OperationShape> = Parsed<O['query']>;
export type BodyOf<O extends OperationShape> = Parsed<O['body']>;
