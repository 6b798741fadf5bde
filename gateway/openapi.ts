/** The OpenAPI 3.1 document, made from the operations: the schemas that validate are the ones it shows. */
import type { z } from 'zod';
import { PROBLEMS, type ProblemCode, problemMembers } from '../domain/errors';
import { operations } from '../domain/operations';
import { type Answer, bodyTypesOf, type OperationShape } from '../domain/operations/operation';
import { answerHeaders, type DeclaredHeader, HEADER_COMPONENTS, requestHeader } from './openapi-headers';
import { answerSchema, type Json, PROBLEM_SCHEMA, requestSchema } from './openapi-schemas';

/** Problems any operation may answer, beyond the ones it names. */
const COMMON: readonly ProblemCode[] = ['malformed_request', 'rate_limited', 'internal', 'bad_gateway', 'unavailable'];

/** Tools show the description of a parameter, not the one within its schema. */
function parameter(where: 'path' | 'query', name: string, field: z.ZodType): Json {
  const { description, ...schema } = requestSchema(field);
  return {
    name,
    in: where,
    required: where === 'path' || !field.safeParse(undefined).success,
    ...(description ? { description } : {}),
    schema,
  };
}

function parametersOf({ params, query, headers = [], idempotent }: OperationShape): Json[] {
  const of = (where: 'path' | 'query', schema: z.ZodObject | undefined): Json[] =>
    Object.entries(schema?.shape ?? {}).map(([name, field]) => parameter(where, name, field as z.ZodType));
  const names = [...(idempotent ? (['Idempotency-Key'] as const) : []), ...headers];
  return [...of('path', params), ...of('query', query), ...names.map(requestHeader)];
}

function answerOf({ description, schema, mediaType = 'application/json', headers = [] }: Answer): Json {
  return {
    description,
    headers: answerHeaders([...headers, 'RateLimit', 'RateLimit-Policy']),
    ...(schema ? { content: { [mediaType]: { schema: answerSchema(schema) } } } : {}),
  };
}

const problemsOf = (operation: OperationShape): ProblemCode[] => [
  ...COMMON,
  ...(operation.access === 'public' ? [] : (['unauthorized'] as const)),
  ...(operation.access === 'admin' ? (['forbidden'] as const) : []),
  ...(operation.idempotent ? (['idempotency_key_missing'] as const) : []),
  ...(operation.query ? (['invalid_request'] as const) : []),
  ...(operation.body ? (['invalid_request', 'body_too_large', 'unsupported_media_type'] as const) : []),
  ...(operation.problems ?? []),
];

/** What a refusal carries beside its Request-Id. */
function refusalHeaders(status: number, codes: ReadonlySet<ProblemCode>): DeclaredHeader[] {
  if (status === 401) return ['WWW-Authenticate'];
  // A decline is an answer that stays with its key.
  if (status === 402) return ['Idempotency-Replayed'];
  if (status === 415) return ['Accept-Post'];
  if (status === 429) return ['Retry-After', 'RateLimit', 'RateLimit-Policy'];
  return status === 503 || codes.has('request_in_progress') ? ['Retry-After'] : [];
}

function refusalText(code: ProblemCode): string {
  const members = Object.entries(problemMembers(code)).map(([name, meaning]) => `\`${name}\`: ${meaning}`);
  return `- \`${code}\`: ${PROBLEMS[code][1]}${members.length > 0 ? ` (${members.join('; ')})` : ''}`;
}

/** One response per status; its description names the codes. */
function refusalsOf(operation: OperationShape): Json {
  const byStatus = new Map<number, Set<ProblemCode>>();
  for (const code of problemsOf(operation)) {
    const status = PROBLEMS[code][0];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: [...codes].map(refusalText).join('\n'),
        headers: answerHeaders(refusalHeaders(status, codes)),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

const contentOf = (types: readonly string[], schema: Json): Json =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

function securityOf({ access }: OperationShape): Json[] {
  if (access === 'public') return [];
  return access === 'stream' ? [{ accessToken: [] }, {}] : [{ accessToken: [] }];
}

const describe = (operation: OperationShape): Json => ({
  operationId: operation.id,
  summary: operation.summary,
  tags: [operation.service],
  security: securityOf(operation),
  parameters: parametersOf(operation),
  ...(operation.body
    ? {
        requestBody: {
          required: true,
          content: contentOf(bodyTypesOf(operation), requestSchema(operation.body)),
        },
      }
    : {}),
  responses: {
    ...Object.fromEntries(Object.entries(operation.answers).map(([status, answer]) => [status, answerOf(answer)])),
    ...refusalsOf(operation),
  },
});

const INTRODUCTION = `Checkout for first-come-first-served sales.

Clients must accept unknown fields and states: both are added within v1. Requests with unknown fields are refused.
Refusals are \`application/problem+json\`; \`/problems/<code>\` tells what each means and what to do.`;

/** @param publicUrl the gateway as buyers see it */
export function openApiDocument(publicUrl: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const path = paths[operation.path] ?? {};
    path[operation.method] = describe(operation);
    paths[operation.path] = path;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Firstcome',
      version: '1.0.0',
      description: INTRODUCTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(operations.map(({ service }) => service))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      headers: HEADER_COMPONENTS,
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}
