/** JSON schemas of the contract: requests as strict as what validates them, answers open to what a later version adds. */
import { z } from 'zod';
import { PROBLEMS } from '../domain/errors';

export type Json = Readonly<Record<string, unknown>>;

/** OpenAPI 3.1 speaks JSON Schema 2020-12; the dialect is said once, for the whole document. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  });
  return rest;
}

export const requestSchema = (schema: z.ZodType): Json => schemaOf(schema, 'input');

const isPlain = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const sentence = (known: readonly unknown[]): string =>
  `Known values: ${known.map((each) => `\`${each}\``).join(', ')}. Others may be added.`;

/** What has known values is said to have them, not limited to them. */
function withKnownValues({ enum: known, ...rest }: Json): Json {
  if (!Array.isArray(known)) return rest;
  const description = [rest.description, sentence(known)].filter(Boolean).join('. ');
  return { ...rest, description, examples: known };
}

/**
 * The same schema without what a generated client would refuse later: closed objects and closed lists of values.
 * A constant stays: that a currency is KRW is a promise, and not the first of a list.
 */
function opened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opened);
  if (!isPlain(value)) return value;
  const { additionalProperties, ...rest } = withKnownValues(value);
  const open = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, opened(each)]));
  return additionalProperties === undefined || additionalProperties === false
    ? open
    : { ...open, additionalProperties: opened(additionalProperties) };
}

/** Clients must accept unknown fields and states. */
export const answerSchema = (schema: z.ZodType): Json => opened(schemaOf(schema, 'output')) as Json;

const FAULT: Json = {
  type: 'object',
  required: ['pointer', 'code', 'detail'],
  properties: {
    pointer: { type: 'string', description: 'JSON pointer into the body', examples: ['#/items/0/quantity'] },
    code: { type: 'string' },
    detail: { type: 'string' },
  },
};

export const PROBLEM_SCHEMA: Json = {
  type: 'object',
  description: 'RFC 9457. `code` is what programs read; some codes come with further members.',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string', description: '`urn:firstcome:problem:<code>`' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: sentence(Object.keys(PROBLEMS)) },
    detail: { type: 'string' },
    requestId: { type: 'string' },
    errors: { type: 'array', description: 'the faulty fields', items: FAULT },
  },
};
