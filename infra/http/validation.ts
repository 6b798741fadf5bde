/**
 * What a request must look like before a handler sees it.
 * 400 malformed_request: wrong type, missing or unknown field. 422 invalid_request: the right type, not acceptable.
 */
import { z } from 'zod';
import { type FieldFault, Problem } from '../../domain/errors';
import type { OperationShape } from '../../domain/operations/operation';

type Issue = z.core.$ZodIssue;

/** RFC 6901, with the `#` of a fragment. */
const pointerOf = (path: readonly PropertyKey[]): string =>
  `#${path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;

const isWholeNumberIssue = (issue: Issue): boolean => issue.code === 'invalid_type' && issue.expected === 'int';

function isMalformed(issue: Issue): boolean {
  if (issue.code === 'unrecognized_keys') return true;
  // A literal or enum got something of another type, or nothing.
  if (issue.code === 'invalid_value') return typeof issue.input !== typeof issue.values[0];
  return issue.code === 'invalid_type' && !isWholeNumberIssue(issue);
}

/** Of a union's branches, the one the client most likely meant: fewest malformed fields, then fewest faults. */
function flatten(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
    const branches = issue.errors.map((branch) =>
      flatten(branch.map((each) => ({ ...each, path: [...issue.path, ...each.path] }) as Issue)),
    );
    const weight = (branch: readonly Issue[]) => branch.filter(isMalformed).length * 100 + branch.length;
    return branches.reduce((best, branch) => (weight(branch) < weight(best) ? branch : best));
  });
}

function faultsOf(issue: Issue): FieldFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      code: 'unknown_field',
      detail: 'unknown field',
    }));
  }
  const isMissing = isMalformed(issue) && issue.input === undefined;
  const code = isMissing ? 'required' : isWholeNumberIssue(issue) ? 'not_a_whole_number' : issue.code;
  return [{ pointer: pointerOf(issue.path), code, detail: isMissing ? 'required' : issue.message }];
}

function parse<T>(schema: z.ZodType<T>, value: unknown): { value: T } | { issues: Issue[] } {
  const result = schema.safeParse(value, { reportInput: true });
  return result.success ? { value: result.data } : { issues: flatten(result.error.issues) };
}

const refusal = (issues: readonly Issue[], detail?: string): Problem =>
  new Problem(issues.some(isMalformed) ? 'malformed_request' : 'invalid_request', {
    errors: issues.flatMap(faultsOf),
    ...(detail ? { detail } : {}),
  });

/** @throws Problem malformed_request or invalid_request, with a pointer to each faulty field */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = parse(schema, body);
  if ('value' in parsed) return parsed.value;
  throw refusal(parsed.issues);
}

const NO_QUERY = z.strictObject({});

/**
 * The query parameters of an operation; undefined when it has none, and then it takes none.
 * @throws Problem invalid_cursor for the cursor, else as `parseBody` (pointers name the query parameters)
 */
export function parseQuery({ query: schema }: Pick<OperationShape, 'query'>, query: object): unknown {
  const parsed = parse(schema ?? NO_QUERY, { ...query });
  if ('value' in parsed) return schema && parsed.value;
  if (parsed.issues.some((issue) => issue.path[0] === 'cursor')) throw new Problem('invalid_cursor');
  throw refusal(parsed.issues, 'query parameters');
}

/** An id that cannot be one of ours names nothing. @throws Problem not_found */
export function parseParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = parse(schema, params);
  if ('value' in parsed) return parsed.value;
  throw new Problem('not_found');
}
