/** The OpenAPI 3.1 document, made from the operations: the schemas that validate are the ones it shows. */
import type { z } from 'zod';
import { operations } from '../domain/operations';
import { type Answer, bodyTypesOf, type OperationShape } from '../domain/operations/operation';
import { answerHeaders, HEADER_COMPONENTS, requestHeader } from './openapi-headers';
import { REFUSALS_ANYWHERE, REFUSALS_ANYWHERE_TEXT, refusalsOf } from './openapi-refusals';
import { answerSchema, type Json, PROBLEM_SCHEMA, requestSchema } from './openapi-schemas';

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

Clients must accept unknown fields and states: both are added within v1. Requests with unknown fields or query parameters
are refused. Refusals are \`application/problem+json\`; \`/problems/<code>\` tells what each means and what to do.

Beside those that an operation names, any request may meet one of these (\`components.responses\` has them by code):

${REFUSALS_ANYWHERE_TEXT}`;

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
      responses: REFUSALS_ANYWHERE,
      headers: HEADER_COMPONENTS,
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}
