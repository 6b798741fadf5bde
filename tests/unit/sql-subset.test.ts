/** SQL stays in what MariaDB 10.11 and MySQL 8.4 both have, so that the database may be either. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const FOLDERS = ['infra', 'api', 'gateway', 'workers', 'activities', 'audit', 'stack', 'load'];

/** What only one of the two understands; the name says which. */
const FOREIGN: Readonly<Record<string, RegExp>> = {
  'RETURNING (MariaDB)': /\bRETURNING\b/,
  'sequences (MariaDB)': /\bNEXTVAL\b|\bCREATE SEQUENCE\b/,
  'CREATE OR REPLACE TABLE (MariaDB)': /CREATE OR REPLACE TABLE/,
  'VALUE(column) (MariaDB)': /=\s*(?:\w+ \+ )?VALUE\(/,
  'row alias of VALUES (MySQL)': /VALUES \?\s+AS\b/,
  '->> (MySQL)': /->>\s*'\$/,
  'FOR SHARE (MySQL)': /\bFOR SHARE\b/,
  'functional index (MySQL)': /\bINDEX \w+ \(\(/,
};

const sources = (): string[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => join(folder, path)),
  );

/** Comments may name what is not used. */
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

const foreignIn = (text: string): string[] =>
  Object.entries(FOREIGN)
    .filter(([, pattern]) => pattern.test(withoutComments(text)))
    .map(([name]) => name);

test('When SQL is written, then both servers understand it', () => {
  const paths = sources();
  expect(paths.length).toBeGreaterThan(50);
  const found = paths.flatMap((path) =>
    foreignIn(readFileSync(join(ROOT, path), 'utf8')).map((name) => `${path}: ${name}`),
  );
  expect(found).toEqual([]);
});

test.each([
  ["sql('INSERT INTO a VALUES (1) RETURNING id')", 'RETURNING (MariaDB)'],
  ["sql('SELECT a FROM b WHERE id = 1 FOR SHARE')", 'FOR SHARE (MySQL)'],
  ["sql('INSERT INTO a VALUES ? AS n ON DUPLICATE KEY UPDATE b = n.b')", 'row alias of VALUES (MySQL)'],
  ["sql(`SELECT a->>'$.b' FROM c`)", '->> (MySQL)'],
])('When somebody writes %s, then it is seen', (text, name) => {
  expect(foreignIn(text)).toEqual([name]);
  expect(foreignIn(`// ${text}\n/* ${text} */`)).toEqual([]);
});
