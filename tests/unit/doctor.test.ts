/** What is found on a machine, and what the doctor says of it; what `reset` refuses. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Birth, birthOf, isAlive, signal } from '../../stack/launcher/process-life';
import { findMariadbd, ToolMissing } from '../../stack/servers/tools';
import { find, isInRange, PROGRAMS, type Program, sentenceFor } from '../../stack/setup/find.cjs';

const SETUP = path.resolve(__dirname, '..', '..', 'stack', 'setup.mjs');
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-doctor-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A program that says it is of this version, in a folder of its own. */
function pretend(folder: string, name: string, said: string): string {
  mkdirSync(path.join(dir, folder), { recursive: true });
  const file = path.join(dir, folder, name);
  writeFileSync(file, `#!/bin/sh\necho '${said}' >&2\n`);
  chmodSync(file, 0o755);
  return file;
}
const setup = (command: string, env: Readonly<Record<string, string>>): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [SETUP, command], { encoding: 'utf8', env: { ...process.env, ...env } });

test.each([
  ['10.6', false],
  ['10.11', true],
  ['11.4', true],
  ['12.3', true],
  ['13.0', false],
  ['9.99', false],
])('When MariaDB is %s, then being fit is %s: parts of a version are numbers, not decimals', (version, isFit) => {
  expect(isInRange(version, PROGRAMS.mariadb.range)).toBe(isFit);
});

test.each([
  ['mariadb', 'mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu', '10.11'],
  ['redis', 'Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc', '7.0'],
  ['redis', 'redis-check-rdb 7.0.15', '7.0'],
  ['java', 'openjdk version "17.0.15" 2025-04-15', '17.0'],
  ['java', 'openjdk version "25" 2025-09-16', '25'],
  ['java', 'java version "1.8.0_292"', '1.8'],
] as const)('When %s says "%s", then its version is %s', (name, said, version) => {
  const program = PROGRAMS[name];
  const file = pretend('any', 'program', said);
  expect(find(program, { [program.variable]: file })?.version).toBe(version);
});

describe('a program that is looked for', () => {
  const known = (): Program => ({
    ...PROGRAMS.java,
    names: ['firstcome-no-such-java'],
    places: () => [path.join(dir, 'known', 'firstcome-no-such-java')],
  });
  const java = (folder: string, version: string): string =>
    pretend(folder, 'firstcome-no-such-java', `openjdk version "${version}"`);

  test('When PATH has one that is too old and a known place one that fits, then the fit one is taken', () => {
    java('path', '11.0.2');
    const fit = java('known', '21.0.1');
    const env = { PATH: path.join(dir, 'path') };
    expect(find(known(), env)).toEqual({ file: fit, version: '21.0', isFit: true });
    expect(find(known(), { ...env, FIRSTCOME_JAVA: path.join(dir, 'path', 'firstcome-no-such-java') })?.isFit).toBe(
      false,
    );
  });

  test('When both fit, then PATH comes first', () => {
    const first = java('path', '17.0.2');
    java('known', '21.0.1');
    expect(find(known(), { PATH: path.join(dir, 'path') })?.file).toBe(first);
  });

  test('When there is none, or only an unfit one, then a sentence says which, and the command to run', () => {
    expect(find(known(), { PATH: '' })).toBeNull();
    expect(sentenceFor(known(), null)).toContain('Java 17 or newer is needed, and none was found. Install it with: ');
    const old = java('path', '11.0.2');
    const sentence = sentenceFor(known(), find(known(), { PATH: path.join(dir, 'path') }));
    expect(sentence).toContain(`${old} is 11.0. Install it with: `);
    expect(sentence).toContain('FIRSTCOME_JAVA');
  });
});

test('When a variable names an unfit program, then doctor and launcher both refuse it', () => {
  const old = pretend('any', 'mariadbd', 'mariadbd  Ver 10.6.12-MariaDB');
  const doctor = setup('doctor', { MARIADBD: old });
  expect([doctor.status, doctor.stdout]).toEqual([1, expect.stringContaining(`✗ MariaDB        10.6 (${old})`)]);
  expect(() => findMariadbd({ MARIADBD: old })).toThrow(ToolMissing);
});

describe('reset', () => {
  const home = (): string => path.join(dir, 'home');
  beforeEach(() => {
    mkdirSync(path.join(home(), 'data'), { recursive: true });
    mkdirSync(path.join(home(), 'tools'));
  });
  const leave = (record: unknown): void => writeFileSync(path.join(home(), 'pids.json'), JSON.stringify(record));
  const reset = (): SpawnSyncReturns<string> => setup('reset', { FIRSTCOME_HOME: home() });

  test('When the launcher of the folder runs, then reset refuses, names it, and takes nothing', () => {
    leave({ launcher: birthOf(process.pid), parts: {} });
    const { status, stderr } = reset();
    expect([status, stderr]).toEqual([1, expect.stringContaining(`launcher pid ${process.pid}`)]);
    expect(existsSync(path.join(home(), 'data'))).toBe(true);
  });

  test('When a part of a killed launcher runs on, then it is ended before its data goes', () => {
    const part = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
    try {
      const birth = birthOf(part.pid ?? 0) as Birth;
      leave({ launcher: { pid: process.pid, startedAt: 'long ago' }, parts: { mariadb: birth } });
      expect(reset().status).toBe(0);
      expect([isAlive(birth), existsSync(path.join(home(), 'data'))]).toEqual([false, false]);
    } finally {
      signal(part.pid ?? 0, 'SIGKILL');
    }
  });

  test('When nothing runs, then the data goes and fetched programs stay', () => {
    leave({ launcher: { pid: process.pid, startedAt: 'long ago' }, parts: {} });
    expect(reset().status).toBe(0);
    expect([existsSync(path.join(home(), 'data')), existsSync(path.join(home(), 'tools'))]).toEqual([false, true]);
  });
});
