/** The registry of problems is what clients are told of them: it must explain each, and name what answers carry. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isForLater, PROBLEMS, type ProblemCode, problemMembers } from '../../domain/errors';

const ROOT = path.join(__dirname, '..', '..');
const codes = Object.keys(PROBLEMS) as ProblemCode[];

const sources = ['api', 'gateway', 'infra'].flatMap((folder) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(ROOT, folder, file), 'utf8')),
);

/** `code member` of each member that our code gives to a problem. */
const given = (): string[] =>
  sources.flatMap((source) =>
    [...source.matchAll(/new Problem\('(\w+)', \{[^;]*?members: \{([^}]*)\}/g)].flatMap(([, code, members = '']) =>
      members.split(',').map((member) => `${code} ${member.split(':')[0]?.trim()}`),
    ),
  );

test.each(codes)('When %s is answered, then the registry says in sentences what happened and what to do', (code) => {
  const [, title, explanation] = PROBLEMS[code];
  expect(explanation).toMatch(/^[A-Z].{20,}\.$/);
  expect(title).not.toMatch(/\.$/);
  // Both stand in tables of documents.
  expect(title + explanation).not.toMatch(/[|\n]/);
});

test('When a refusal carries members of its own, then the registry names them, and no others', () => {
  const named = codes.flatMap((code) => Object.keys(problemMembers(code)).map((member) => `${code} ${member}`));
  expect([...new Set(given())].sort()).toEqual(named.sort());
});

test('When our code says when to come back, then it does so of refusals that are told with Retry-After', () => {
  const later = sources.flatMap((source) =>
    [...source.matchAll(/new Problem\('(\w+)', \{[^;]*?retryAfterS/g)].map(([, code]) => code as ProblemCode),
  );
  expect(later.length).toBeGreaterThan(5);
  expect(later.filter((code) => !isForLater(code))).toEqual([]);
});
