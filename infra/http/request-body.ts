/** The body of a request as its operation says it: media type, size and JSON before a handler sees it. */
import { json, type Request, type RequestHandler } from 'express';
import { Problem } from '../../domain/errors';
import { acceptHeaderOf, bodyTypesOf, type OperationShape } from '../../domain/operations/operation';
import { parseBody } from './validation';

/** Bytes a body may have. */
const BODY_MAX_BYTES = 64 * 1024;

/** Content codings that every Node knows how to undo. */
const CODINGS = 'gzip, deflate, br';

const hasBody = (request: Request): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

/** A 415, whatever of the body was foreign, names what is taken instead (RFC 9110, section 15.5.16). */
function unsupported(operation: OperationShape, cause?: object): Problem {
  const isCoding = cause !== undefined && 'type' in cause && cause.type === 'encoding.unsupported';
  const headers = {
    [acceptHeaderOf(operation)]: bodyTypesOf(operation).join(', '),
    ...(isCoding ? { 'Accept-Encoding': CODINGS } : {}),
  };
  return new Problem('unsupported_media_type', { headers }, { cause });
}

const isUnsupported = (error: unknown): error is object =>
  typeof error === 'object' && error !== null && 'status' in error && error.status === 415;

/** Express' parser knows charsets and codings, but not what the operation takes. */
function parser(operation: OperationShape): RequestHandler {
  const parse = json({ limit: BODY_MAX_BYTES, type: () => true, strict: false });
  return (request, response, next) =>
    parse(request, response, (error?: unknown) => next(isUnsupported(error) ? unsupported(operation, error) : error));
}

/** Refuses a missing body and a foreign media type before a byte is read. */
export function bodyReader(operation: OperationShape): RequestHandler[] {
  if (!operation.body) return operation.method === 'post' ? [parser(operation)] : [];
  const types = [...bodyTypesOf(operation)];
  const check: RequestHandler = (request, _response, next) => {
    if (!hasBody(request)) throw new Problem('malformed_request', { detail: 'a JSON body is needed' });
    if (!request.is(types)) throw unsupported(operation);
    next();
  };
  return [check, parser(operation)];
}

/** What `bodyReader` has read, validated. An operation without a body takes none, or an empty object. */
export function readBody(operation: OperationShape, request: Request): unknown {
  if (operation.body) return parseBody(operation.body, request.body);
  const isEmpty = request.body === undefined || JSON.stringify(request.body) === '{}';
  if (operation.method === 'post' && !isEmpty) {
    throw new Problem('malformed_request', { detail: 'this operation takes no body' });
  }
  return undefined;
}
