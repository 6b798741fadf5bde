/** Headers of the contract, for its document: those that requests may bring and those that answers carry. */
import type { AnswerHeader, RequestHeader } from '../domain/operations/operation';
import type { Json } from './openapi-schemas';

interface HeaderText {
  readonly description: string;
  readonly schema: Json;
  readonly required?: boolean;
}

const TEXT: Json = { type: 'string' };
const SECONDS: Json = { type: 'integer', minimum: 1 };

const REQUEST: Readonly<Record<RequestHeader | 'Idempotency-Key', HeaderText>> = {
  'Idempotency-Key': {
    description: '1–255 visible ASCII characters, bare or quoted; a repeat under the same key gets the same answer',
    schema: { type: 'string', minLength: 1, maxLength: 257 },
    required: true,
  },
  'If-Match': { description: 'the ETag of what is changed', schema: TEXT, required: true },
  'Last-Event-ID': {
    description:
      'the `id` of the last event that was seen: the stream goes on after it. Browsers send it by themselves',
    schema: TEXT,
  },
  Prefer: {
    description: '`wait=N`: wait up to N seconds (30 at most) until the order can be paid',
    schema: { type: 'string', examples: ['wait=10'] },
  },
};

/** A header parameter of an operation. */
export const requestHeader = (name: RequestHeader | 'Idempotency-Key'): Json => {
  const { required = false, ...text } = REQUEST[name];
  return { name, in: 'header', required, ...text };
};

export type DeclaredHeader =
  | AnswerHeader
  | 'Accept'
  | 'Accept-Encoding'
  | 'Accept-Patch'
  | 'Accept-Post'
  | 'Allow'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'Request-Id'
  | 'Retry-After'
  | 'WWW-Authenticate';

const ANSWER: Readonly<Record<DeclaredHeader, HeaderText>> = {
  Accept: { description: 'the media types that are taken', schema: TEXT },
  'Accept-Encoding': {
    description: 'the content codings that are taken; only when the coding was what is wrong',
    schema: TEXT,
  },
  'Accept-Patch': { description: 'the media types that are taken', schema: TEXT },
  'Accept-Post': { description: 'the media types that are taken', schema: TEXT },
  Allow: { description: 'the methods that the path has', schema: TEXT },
  ETag: { description: 'the version of the resource, for If-Match', schema: TEXT },
  'Idempotency-Replayed': {
    description: '`true`: a repeat, answered as the first request was. Absent otherwise',
    schema: TEXT,
  },
  Location: { description: 'the path of what was made, or where to follow it', schema: TEXT },
  'Preference-Applied': {
    description: 'the `wait` that was granted; absent when nothing was waited for',
    schema: TEXT,
  },
  RateLimit: { description: 'how many requests are left, and for how many seconds', schema: TEXT },
  'RateLimit-Policy': { description: 'how many requests a window has, and its seconds', schema: TEXT },
  'Request-Id': { description: 'names this request in our logs', schema: TEXT },
  'Retry-After': { description: 'seconds to wait before the next try', schema: SECONDS },
  'WWW-Authenticate': { description: 'how to authenticate, and what was wrong with the token', schema: TEXT },
};

/** For `components.headers`: each is described once. */
export const HEADER_COMPONENTS: Json = ANSWER;

/**
 * The headers of one answer, beside the Request-Id that every answer has.
 * @param when of headers that only some of these answers have: which
 */
export const answerHeaders = (
  names: readonly DeclaredHeader[],
  when: Partial<Readonly<Record<DeclaredHeader, string>>> = {},
): Json =>
  Object.fromEntries(
    (['Request-Id', ...names] as const).map((name) => [
      name,
      {
        $ref: `#/components/headers/${name}`,
        ...(when[name] ? { description: `${ANSWER[name].description}; ${when[name]}` } : {}),
      },
    ]),
  );
