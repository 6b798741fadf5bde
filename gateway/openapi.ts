/** The OpenAPI 3.1 document, made from the operations: the schemas that validate are the ones it shows. */
import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '../domain/errors';
import { operations } from '../domain/operations';
import type { Answer, OperationShape } from '../domain/operations/operation';

type Json = Readonly<Record<string, unknown>>;

/** Problems any operation may answer, beyond the ones it names. */
const COMMON: readonly ProblemCode[] = ['malformed_request', 'rate_limited', 'internal', 'bad_gateway', 'unavailable'];

/** OpenAPI 3.1 speaks JSON Schema 2020-12; the dialect is said once, for the whole document. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  });
  return rest;
}

function parametersOf(operation: OperationShape): Json[] {
  const of = (where: 'path' | 'query', schema: z.ZodObject | undefined): Json[] =>
    Object.entries(schema?.shape ?? {}).map(([name, field]) => ({
      name,
      in: where,
      required: where === 'path' || !(field as z.ZodType).safeParse(undefined).success,
      schema: schemaOf(field as z.ZodType, 'input'),
    }));
  const header = (name: string, description: string, required: boolean): Json => ({
    name,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  });
  return [
    ...of('path', operation.params),
    ...of('query', operation.query),
    ...(operation.idempotent
      ? [
          header(
            'Idempotency-Key',
            '1–255 visible ASCII characters; a repeat under the same key gets the same answer',
            true,
          ),
        ]
      : []),
    ...(operation.problems?.includes('precondition_failed')
      ? [header('If-Match', 'the ETag of what is changed', true)]
      : []),
    ...(operation.id === 'createCheckout'
      ? [header('Prefer', '`wait=N`: wait up to N seconds (30) until it can be paid', false)]
      : []),
  ];
}

function answerOf({ description, schema, mediaType = 'application/json' }: Answer): Json {
  // Clients must accept unknown fields, so answers are not closed.
  return { description, ...(schema ? { content: { [mediaType]: { schema: schemaOf(schema, 'output') } } } : {}) };
}

const problemsOf = (operation: OperationShape): ProblemCode[] => [
  ...COMMON,
  ...(operation.access === 'public' ? [] : (['unauthorized'] as const)),
  ...(operation.access === 'admin' ? (['forbidden'] as const) : []),
  ...(operation.idempotent ? (['idempotency_key_missing'] as const) : []),
  ...(operation.body ? (['invalid_request', 'body_too_large', 'unsupported_media_type'] as const) : []),
  ...(operation.problems ?? []),
];

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
        description: [...codes].map((code) => `\`${code}\`: ${PROBLEMS[code][1]}`).join('; '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

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
          content: { [operation.bodyType ?? 'application/json']: { schema: schemaOf(operation.body, 'input') } },
        },
      }
    : {}),
  responses: {
    ...Object.fromEntries(Object.entries(operation.answers).map(([status, answer]) => [status, answerOf(answer)])),
    ...refusalsOf(operation),
  },
});

const PROBLEM_SCHEMA: Json = {
  type: 'object',
  description: 'RFC 9457. `code` is what programs read.',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    detail: { type: 'string' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'code', 'detail'],
        properties: { pointer: { type: 'string' }, code: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
};

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
      description: 'Checkout for first-come-first-served sales. Clients must accept unknown fields and states.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(operations.map(({ service }) => service))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}
