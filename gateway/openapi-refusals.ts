/** Refusals of the contract, for its document: those of one operation, and those that any request may meet. */
import { isForLater, PROBLEMS, type ProblemCode, problemMembers } from '../domain/errors';
import { acceptHeaderOf, type OperationShape } from '../domain/operations/operation';
import { answerHeaders, type DeclaredHeader } from './openapi-headers';
import type { Json } from './openapi-schemas';

/** Problems any operation may answer, beyond the ones it names. */
const COMMON: readonly ProblemCode[] = ['malformed_request', 'rate_limited', 'internal', 'bad_gateway', 'unavailable'];

/** Refusals that come before an operation, or instead of one: the document says them once. */
const ANYWHERE: readonly ProblemCode[] = [
  'method_not_allowed',
  'request_timeout',
  'body_too_large',
  'expectation_failed',
  'headers_too_large',
];

/** A POST without a body still reads the one it is sent, for an empty object is fine. */
const readsBody = ({ body, method }: OperationShape): boolean => body !== undefined || method === 'post';

const hasFields = (schema: OperationShape['query']): boolean => Object.keys(schema?.shape ?? {}).length > 0;

const problemsOf = (operation: OperationShape): ProblemCode[] => [
  ...COMMON,
  ...(operation.access === 'public' ? [] : (['unauthorized'] as const)),
  ...(operation.access === 'admin' ? (['forbidden'] as const) : []),
  ...(operation.idempotent ? (['idempotency_key_missing'] as const) : []),
  // An id that cannot be one of ours names nothing, whatever the operation.
  ...(operation.params ? (['not_found'] as const) : []),
  ...(operation.body || hasFields(operation.query) ? (['invalid_request'] as const) : []),
  ...(readsBody(operation) ? (['body_too_large', 'unsupported_media_type'] as const) : []),
  ...(operation.problems ?? []),
];

/** What a refusal carries beside its Request-Id. */
function refusalHeaders(operation: OperationShape, status: number, codes: ReadonlySet<ProblemCode>): Json {
  const of = (...names: DeclaredHeader[]): Json => answerHeaders(names);
  if (status === 401) return of('WWW-Authenticate');
  // A decline is an answer that stays with its key.
  if (status === 402) return of('Idempotency-Replayed');
  if (status === 415) return of(acceptHeaderOf(operation), 'Accept-Encoding');
  if (status === 429) return of('Retry-After', 'RateLimit', 'RateLimit-Policy');
  const forLater = [...codes].filter(isForLater);
  if (forLater.length === 0) return of();
  const only = `only with ${forLater.map((code) => `\`${code}\``).join(', ')}`;
  return answerHeaders(['Retry-After'], forLater.length < codes.size ? { 'Retry-After': only } : {});
}

function refusalText(code: ProblemCode): string {
  const members = Object.entries(problemMembers(code)).map(([name, meaning]) => `\`${name}\`: ${meaning}`);
  return `- \`${code}\`: ${PROBLEMS[code][1]}${members.length > 0 ? ` (${members.join('; ')})` : ''}`;
}

const refusal = (codes: Iterable<ProblemCode>, headers: Json): Json => ({
  description: [...codes].map(refusalText).join('\n'),
  headers,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** One response per status; its description names the codes. */
export function refusalsOf(operation: OperationShape): Json {
  const byStatus = new Map<number, Set<ProblemCode>>();
  for (const code of problemsOf(operation)) {
    const status = PROBLEMS[code][0];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, refusal(codes, refusalHeaders(operation, status, codes))]),
  );
}

/** For `components.responses`, by code. */
export const REFUSALS_ANYWHERE: Json = Object.fromEntries(
  ANYWHERE.map((code) => [code, refusal([code], answerHeaders(code === 'method_not_allowed' ? ['Allow'] : []))]),
);

/** The same for people, a line each. */
export const REFUSALS_ANYWHERE_TEXT = ANYWHERE.map(
  (code) => `- ${PROBLEMS[code][0]} \`${code}\`: ${PROBLEMS[code][2]}`,
).join('\n');
