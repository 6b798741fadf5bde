/** Which system package brings what is missing: whoever names it names the one that set-up would install here. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');
const [ROOT_USER, USER] = [0, 1000];
const [JAVA_17, JAVA_21] = ['openjdk-17-jre-headless', 'openjdk-21-jre-headless'];
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-packages-'));
  mkdirSync(path.join(dir, 'bin'));
  pretend('sudo', 'exit 1');
  pretend('apt-get', `echo "$@" >> '${path.join(dir, 'installed')}'`);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function pretend(name: string, does: string): void {
  const file = path.join(dir, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${does}\n`);
  chmodSync(file, 0o755);
}

/** On a Linux without Java whose package lists know these; asked of the modules in plain Node, as set-up runs them. */
function withoutJava(known: readonly string[], user = ROOT_USER): { doctor: string; sentence: string; setUp: string } {
  pretend('apt-cache', `case "$2" in ${['none', ...known].join('|')}) echo "Package: $2" ;; esac`);
  const module = (name: string): string => JSON.stringify(path.join(ROOT, 'stack', 'setup', name));
  const source = `
    import { PROGRAMS, sentenceFor } from ${module('find.cjs')};
    import { examine } from ${module('doctor.mjs')};
    import { installPackages } from ${module('packages.mjs')};
    Object.defineProperty(process, 'platform', { value: 'linux' });
    process.getuid = () => ${user};
    Object.assign(PROGRAMS.java, { names: ['firstcome-no-such-java'], places: () => [] });
    const missing = examine(${JSON.stringify(ROOT)}, ${JSON.stringify(dir)}).find(({ name }) => name.startsWith('Java'));
    const setUp = await installPackages(() => undefined).then(() => 'done', ({ message }) => message);
    console.log(JSON.stringify({ doctor: missing.need, sentence: sentenceFor(PROGRAMS.java, null), setUp }));`;
  const { FIRSTCOME_JAVA: _, ...env } = process.env;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: { ...env, PATH: `${path.join(dir, 'bin')}:${env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(said);
}
const installed = (): string => readFileSync(path.join(dir, 'installed'), 'utf8');

test.each([
  ['an older distribution', [JAVA_17], JAVA_17],
  ['one that has both', [JAVA_17, JAVA_21], JAVA_17],
  ['a newer distribution', [JAVA_21], JAVA_21],
])('When Java is missing on %s, then everybody names the package that is installed', (_what, known, name) => {
  const { doctor, sentence } = withoutJava(known);
  expect(installed()).toMatch(new RegExp(`install .*${name}`));
  expect(doctor).toBe(`installed (package ${name})`);
  expect(sentence).toMatch(new RegExp(`apt-get install .* ${name} — `));
});

test('When set-up may not install, then the command it asks for names the package of this distribution', () => {
  expect(withoutJava([JAVA_21], USER).setUp).toMatch(new RegExp(`sudo apt-get install .*${JAVA_21}`));
});

test('When the package lists know neither, then the usual one is asked for, with fresh lists', () => {
  expect(withoutJava([]).doctor).toBe(`installed (package ${JAVA_17})`);
  expect(installed().split('\n')[0]).toBe('update');
});
