/** Every refusal as `application/problem+json` (RFC 9457). Unknown errors are hidden from clients and logged. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { isForLater, PROBLEMS, Problem, type ProblemCode } from '../../domain/errors';
import type { Logger } from '../process/logger';
import { isUnreachable } from './foreign-errors';

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly requestId: string;
  readonly [member: string]: unknown;
}

/** Without a better figure: soon, but not at once. */
const RETRY_AFTER_S = 1;

export const problemType = (code: ProblemCode): string => `urn:firstcome:problem:${code}`;

export const problemDocument = (problem: Problem, requestId: string): ProblemDocument => ({
  type: problemType(problem.code),
  title: PROBLEMS[problem.code][1],
  status: problem.status,
  code: problem.code,
  ...(problem.extra.detail ? { detail: problem.extra.detail } : {}),
  requestId,
  ...(problem.extra.errors ? { errors: problem.extra.errors } : {}),
  ...problem.extra.members,
});

/** Express' and its parsers' own refusals (http-errors), told by `type` or `status`; undefined for anything else. */
function problemOfHttpError(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  const options = { cause: error };
  if (error.status === 413) return new Problem('body_too_large', {}, options);
  if (error.status === 415) return new Problem('unsupported_media_type', {}, options);
  if ('type' in error && error.type === 'entity.parse.failed')
    return new Problem('malformed_request', { detail: 'the body is not valid JSON' }, options);
  if (error.status >= 400 && error.status < 500) return new Problem('malformed_request', {}, options);
  return undefined;
}

/** What a client is told of anything thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const known = problemOfHttpError(error);
  if (known) return known;
  return new Problem(isUnreachable(error) ? 'unavailable' : 'internal', {}, { cause: error });
}

function challenge(problem: Problem): Record<string, string> {
  if (problem.code === 'unauthorized') return { 'www-authenticate': 'Bearer error="invalid_token"' };
  return problem.status === 401 ? { 'www-authenticate': `Bearer error="${problem.code}"` } : {};
}

/** Answers with the problem; when the answer has begun already, ends the connection so that nobody takes it for whole. */
export function sendProblem(response: ServerResponse, problem: Problem, requestId: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(problemDocument(problem, requestId));
  const retryAfterS = isForLater(problem.code) ? (problem.extra.retryAfterS ?? RETRY_AFTER_S) : undefined;
  response.writeHead(problem.status, STATUS_CODES[problem.status], {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'request-id': requestId,
    ...challenge(problem),
    ...(retryAfterS === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterS))) }),
    ...problem.extra.headers,
  });
  response.end(text);
}

/** Logs what is ours to mend; refusals are the client's business and only counted. */
export function logFailure(logger: Logger, problem: Problem, where: Readonly<Record<string, unknown>>): void {
  if (problem.code === 'internal') logger.error({ ...where, error: problem.cause ?? problem }, 'request failed');
  else if (problem.cause && problem.status >= 500) {
    logger.warn({ ...where, code: problem.code, error: problem.cause }, 'request failed for now');
  }
}
