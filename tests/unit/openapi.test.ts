import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROBLEMS, type ProblemCode } from '../../domain/errors';
import { operations } from '../../domain/operations';
import { ORDER_STATUSES } from '../../domain/order';
import { openApiDocument } from '../../gateway/openapi';

const document = openApiDocument('http://127.0.0.1:8080');
type Described = {
  operationId: string;
  responses: Record<
    string,
    { description: string; headers?: Record<string, { description?: string }>; content?: object }
  >;
  requestBody?: { content: object };
  parameters: { name: string; in: string; required: boolean; description?: string; schema: object }[];
};
const paths = document.paths as Record<string, Record<string, Described>>;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'openapi-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** openapi-typescript validates against the OpenAPI 3.1 rules before it makes types. */
function makeTypes(value: unknown): string {
  const file = path.join(dir, 'openapi.json');
  const out = path.join(dir, 'openapi.d.ts');
  writeFileSync(file, JSON.stringify(value));
  execFileSync(process.execPath, ['node_modules/openapi-typescript/bin/cli.js', file, '-o', out], { stdio: 'pipe' });
  return readFileSync(out, 'utf8');
}

test('When the document is made, then it is valid OpenAPI 3.1, and types can be made from it', () => {
  const types = makeTypes(document);
  for (const { id } of operations) expect(types).toContain(`${id}: {`);
  expect(() => makeTypes({ ...document, paths: { '/v1/x': { get: { responses: 'none' } } } })).toThrow();
}, 120_000);

test('When an operation is in the contract, then the document has it, whole', () => {
  for (const operation of operations) {
    const described = paths[operation.path]?.[operation.method];
    const statuses = [
      ...Object.keys(operation.answers),
      ...(operation.problems ?? []).map((code) => String(PROBLEMS[code][0])),
      ...(operation.access === 'public' ? [] : ['401']),
    ];
    expect(described?.operationId).toBe(operation.id);
    expect(Object.keys(described?.responses ?? {})).toEqual(expect.arrayContaining(statuses));
    expect(Boolean(described?.requestBody)).toBe(Boolean(operation.body));
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(described?.parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(inPath);
    expect(described?.parameters.some(({ name }) => name === 'Idempotency-Key')).toBe(Boolean(operation.idempotent));
  }
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
});

/** Every schema within a value, however deep, with the place it stands at. */
function schemasIn(value: unknown, at = '#'): [at: string, schema: Record<string, unknown>][] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, each]) => schemasIn(each, `${at}/${key}`));
  return [[at, value as Record<string, unknown>], ...inner];
}
const described = operations.map(
  (operation) => [operation.id, paths[operation.path]?.[operation.method] as Described, operation] as const,
);

const describedAs = (id: string): Described => {
  const [, found] = described.find(([each]) => each === id) ?? [];
  if (!found) throw new Error(`no operation ${id}`);
  return found;
};

test.each(described)('When %s answers, then its schemas take unknown fields and states', (_id, { responses }) => {
  const closed = schemasIn([responses, document.components]).filter(
    ([, schema]) => schema.additionalProperties === false || Array.isArray(schema.enum),
  );
  expect(closed.map(([at]) => at)).toEqual([]);
});

test('When a client reads an answer, then the states known today are named; in a request they stay a closed list', () => {
  const known = ORDER_STATUSES.map((status) => `\`${status}\``).join(', ');
  const checkout = JSON.stringify(paths['/v1/checkouts/{orderId}']?.get?.responses['200']);
  expect(checkout).toContain(`Known values: ${known}. Others may be added.`);
  for (const code of Object.keys(PROBLEMS)) expect(JSON.stringify(document.components)).toContain(`\`${code}\``);
  const filter = paths['/v1/orders']?.get?.parameters.find(({ name }) => name === 'status');
  expect(filter?.schema).toEqual({ type: 'string', enum: [...ORDER_STATUSES] });
  const bodies = schemasIn(paths['/v1/checkouts']?.post?.requestBody).map(([, schema]) => schema.additionalProperties);
  expect(bodies.filter((each) => each === false).length).toBeGreaterThan(1);
});

/** Beside those that every answer to an admitted request has. */
const OF_ALL = ['RateLimit', 'RateLimit-Policy', 'Request-Id'];

test.each([
  ['createCheckout', '202', ['Idempotency-Replayed', 'Location', 'Preference-Applied']],
  ['createCheckout', '201', ['Idempotency-Replayed', 'Location', 'Preference-Applied']],
  ['cancelCheckout', '200', ['Idempotency-Replayed']],
  ['createRefund', '202', ['Idempotency-Replayed', 'Location']],
  ['createRestock', '201', ['Idempotency-Replayed']],
  ['confirmPayment', '200', ['Idempotency-Replayed']],
  ['confirmPayment', '202', ['Location']],
  ['createPayment', '201', ['Location']],
  ['createPayment', '200', []],
  ['createProduct', '201', ['ETag', 'Location']],
  ['getProduct', '200', ['ETag']],
  ['updateProduct', '200', ['ETag']],
  ['listProducts', '200', []],
  ['deleteSession', '204', []],
])('When %s answers %s, then the document names its headers', (id, status, own) => {
  const { responses } = describedAs(id);
  expect(Object.keys(responses[status]?.headers ?? {}).sort()).toEqual([...OF_ALL, ...own].sort());
});

test.each(described)('When %s refuses, then a request id is told, and when to come back', (_id, { responses }) => {
  const declared = Object.entries(responses).map(
    ([status, { headers }]) => [status, Object.keys(headers ?? {})] as const,
  );
  for (const [status, headers] of declared) {
    expect({ status, headers }).toEqual({ status, headers: expect.arrayContaining(['Request-Id']) });
    if (['429', '503'].includes(status)) expect(headers).toContain('Retry-After');
    if (status === '401') expect(headers).toContain('WWW-Authenticate');
  }
  const { headers } = document.components as { headers: Record<string, { description: string }> };
  for (const name of new Set(declared.flatMap(([, names]) => names))) expect(headers[name]?.description).toBeTruthy();
  expect(headers.Deprecation).toBeUndefined();
});

/** Those of a status, as its description names them. */
const codesIn = (description: string): string[] =>
  [...description.matchAll(/^- `(\w+)`/gm)].map(([, code = '']) => code);

test.each(described)(
  'When %s says when to come back, then the document tells of which refusals',
  (_id, { responses }) => {
    for (const [status, { description, headers = {} }] of Object.entries(responses)) {
      const always = ['429', '503'].includes(status);
      const sometimes = codesIn(description).includes('request_in_progress');
      expect([status, 'Retry-After' in headers]).toEqual([status, always || sometimes]);
      if (sometimes) expect(headers['Retry-After']?.description).toContain('only with `request_in_progress`');
    }
  },
);

test.each([
  ['createCheckout', ['Accept-Encoding', 'Accept-Post', 'Request-Id']],
  ['cancelCheckout', ['Accept-Encoding', 'Accept-Post', 'Request-Id']],
  ['updateProduct', ['Accept-Encoding', 'Accept-Patch', 'Request-Id']],
  ['putCartItem', ['Accept', 'Accept-Encoding', 'Request-Id']],
])('When %s takes no such body, then the document tells which header names what it takes', (id, names) => {
  expect(Object.keys(describedAs(id).responses['415']?.headers ?? {}).sort()).toEqual(names);
});

test('When a product is changed, then the document shows both media types, the one of merge patches first', () => {
  const types = Object.keys(describedAs('updateProduct').requestBody?.content ?? {});
  expect(types).toEqual(['application/merge-patch+json', 'application/json']);
});

test('When a product is made or changed, then the document tells which times a NORMAL one takes', () => {
  const fieldsOf = (id: string) =>
    schemasIn(describedAs(id).requestBody).flatMap(([at, { description }]) =>
      /properties\/(opensAt|closesAt)$/.test(at) ? [[at.split('/').pop(), description]] : [],
    );
  expect(fieldsOf('createProduct')).toEqual([
    ['opensAt', 'EVENT products need it; others have none'],
    ['closesAt', 'EVENT products only'],
  ]);
  expect(fieldsOf('updateProduct').slice(0, 2)).toEqual([
    ['opensAt', 'of EVENT products only'],
    ['closesAt', expect.stringContaining('A NORMAL product may be given one')],
  ]);
});

test.each(described)('When %s refuses its path or body, then the document names the refusal', (...row) => {
  const [, { responses }, { params, body, method }] = row;
  if (params) expect(codesIn(responses['404']?.description ?? '')).toContain('not_found');
  if (body || method === 'post') expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '413', '415']));
});

test.each([
  ['method_not_allowed', ['Allow', 'Request-Id']],
  ['request_timeout', ['Request-Id']],
  ['body_too_large', ['Request-Id']],
  ['expectation_failed', ['Request-Id']],
  ['headers_too_large', ['Request-Id']],
] as const)('When any request may be refused with %s, then the document says it once for all', (code, headers) => {
  const { responses } = document.components as { responses: Record<ProblemCode, Described['responses'][string]> };
  expect(codesIn(responses[code]?.description ?? '')).toEqual([code]);
  expect(Object.keys(responses[code]?.headers ?? {}).sort()).toEqual(headers);
  expect(Object.keys(responses[code]?.content ?? {})).toEqual(['application/problem+json']);
  expect((document.info as { description: string }).description).toContain(`- ${PROBLEMS[code][0]} \`${code}\``);
});

test.each([
  ['createCheckout', 'Prefer', 'header', false],
  ['createCheckout', 'Idempotency-Key', 'header', true],
  ['updateProduct', 'If-Match', 'header', true],
  ['streamCheckout', 'Last-Event-ID', 'header', false],
  ['streamCheckout', 'ticket', 'query', false],
  ['listOrders', 'limit', 'query', false],
  ['listOrders', 'cursor', 'query', false],
  ['listPayments', 'status', 'query', false],
])('When a client asks %s, then the document tells it of %s in the %s', (id, name, where, required) => {
  const { parameters } = describedAs(id);
  expect(parameters.find((each) => each.name === name)).toMatchObject({
    in: where,
    required,
    description: expect.stringMatching(/\w+/),
  });
});
