import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROBLEMS } from '../../domain/errors';
import { operations } from '../../domain/operations';
import { openApiDocument } from '../../gateway/openapi';
import { docsPage, problemPage } from '../../gateway/pages';

const document = openApiDocument('http://127.0.0.1:8080');
type Described = {
  operationId: string;
  responses: Record<string, unknown>;
  requestBody?: unknown;
  parameters: { name: string; in: string }[];
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

test('When a person reads, then every operation and problem has its place, and nothing is fetched from elsewhere', () => {
  const docs = docsPage(document);
  for (const { id } of operations) expect(docs).toContain(`id="${id}"`);
  for (const code of Object.keys(PROBLEMS)) expect(problemPage(code)).toContain(`<code>${code}</code>`);
  expect(problemPage('constructor')).toBeUndefined();
  expect(docs).not.toMatch(/(src|href)="(https?:)?\/\//);
});
