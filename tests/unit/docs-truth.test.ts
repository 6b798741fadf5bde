import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { composeOnlyNames } from '../../docs/generators/settings';
import { PROBLEMS } from '../../domain/errors';
import { events } from '../../domain/events';
import { operations } from '../../domain/operations';
import { settings } from '../../infra/process/config';
import { LAUNCHERS_OWN } from '../../stack/launcher/plan';

const ROOT = join(__dirname, '..', '..');
const under = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`);
const DOCUMENTS = ['README.md', 'CHANGELOG.md', ...under('docs').filter((path) => path.endsWith('.md'))];
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** All matches of the first group in all documents, each with the document it stands in. */
const mentions = (pattern: RegExp, documents = DOCUMENTS): [document: string, mention: string][] =>
  documents.flatMap((path) =>
    [...read(path).matchAll(pattern)].map(([, found = '']): [string, string] => [path, found]),
  );
const said = (faults: readonly (readonly [string, string])[]): string[] => faults.map((fault) => fault.join(': '));

test('When a document links to a file, then the file is there', () => {
  const links = mentions(/\]\((?!https?:|#)([^)#]+)/g);
  expect(links.length).toBeGreaterThan(20);
  expect(said(links.filter(([path, link]) => !existsSync(join(ROOT, dirname(path), link))))).toEqual([]);
});

test('When a document names a source file, then the file is there', () => {
  const folders = 'domain|infra|activities|workflows|workers|api|gateway|audit|sandbox|load|stack|docs|tests';
  const files = mentions(new RegExp(`\`((?:${folders})/[\\w./-]+\\.\\w+)\``, 'g'));
  expect(files.length).toBeGreaterThan(5);
  expect(said(files.filter(([, file]) => !existsSync(join(ROOT, file))))).toEqual([]);
});

test('When a document names an npm command, then package.json has it', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const commands = mentions(/npm run ([\w:]+)/g);
  expect(commands.length).toBeGreaterThan(5);
  expect(said(commands.filter(([, command]) => !(command in scripts)))).toEqual([]);
});

test('When a document shows a path of the API, then an operation has it', () => {
  // A shell variable or {parameter} stands for any segment; what is served beside the operations is named here.
  const known = [...operations.map(({ path }) => path), '/v1/payments/{paymentKey}/cancel'];
  const shape = (path: string): string => path.replace(/\{\w+\}|\$\w+/g, '*');
  const shapes = new Set(known.map(shape));
  const paths = mentions(/(?<=[\s"`]|\$GATEWAY)(\/v1\/[\w${}/]+)/g);
  expect(paths.length).toBeGreaterThan(30);
  expect(said(paths.filter(([, path]) => !shapes.has(shape(path))))).toEqual([]);
});

test('When a document names a setting, then there is one', () => {
  const known = new Set([...Object.keys(settings), ...composeOnlyNames()]);
  const areas =
    'MYSQL|REDIS|KAFKA|TEMPORAL|REGISTRY|CHECKOUT|ACCEPTANCE|PAYMENT|CONFIRM|WORKER|SWEEP|DRIFT|OUTBOX|PROVIDER|SANDBOX|GATEWAY|TOKEN';
  // The states and the provider's codes look alike, so only names that end in a unit or a kind count.
  const names = mentions(
    new RegExp(`\`((?:${areas})_[A-Z_]+(?:_MS|_S|_MAX|_SIZE|_URL|_KEY|_PORT|ATTEMPTS|_WORKFLOWS))\\b`, 'g'),
  );
  expect(names.length).toBeGreaterThan(10);
  expect(said(names.filter(([, name]) => !known.has(name)))).toEqual([]);
});

test('When the README says what `npm start` ignores in the shell, then that is what the launcher decides alone', () => {
  const [, sentence = ''] = /ignores there what it decides itself: ([^;]+);/.exec(read('README.md')) ?? [];
  const names = [...sentence.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  expect(names.sort()).toEqual([...LAUNCHERS_OWN].sort());
});

test('When a document names a problem with its status, then that is its status', () => {
  const pairs = mentions(/\b([45]\d\d(?: |\n)`[a-z_]+`)/g);
  expect(pairs.length).toBeGreaterThan(5);
  const wrong = pairs.filter(([, pair]) => {
    const [status = '', code = ''] = pair.replaceAll('`', '').split(/\s/);
    return PROBLEMS[code as keyof typeof PROBLEMS]?.[0] !== Number(status);
  });
  expect(said(wrong)).toEqual([]);
});

test('When a document shows a command to run, then bash can read it', () => {
  const blocks = mentions(/```(?:bash|sh)\n([\s\S]*?)```/g);
  expect(blocks.length).toBeGreaterThan(5);
  for (const [path, block] of blocks) {
    const check = () => execFileSync('bash', ['-n'], { input: block, stdio: ['pipe', 'pipe', 'pipe'] });
    expect(() => check()).not.toThrow(path);
  }
});

test('When an event is added, then docs/events.md tells of it', () => {
  const rows = mentions(/^\| `((?:order|payment)\.\w+)`/gm, ['docs/events.md']).map(([, type]) => type);
  // Once with what it means, by hand; once made from the definitions.
  expect(rows.sort()).toEqual(
    Object.keys(events)
      .flatMap((type) => [type, type])
      .sort(),
  );
});
