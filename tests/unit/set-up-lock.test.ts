/** One set-up at a time per clone: who waits, and whose lock is taken over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { birthOf } from '../../stack/launcher/process-life';
import { until } from '../support/until';

const ROOT = path.resolve(__dirname, '..', '..');
const LOCK = path.join(ROOT, 'stack', 'setup', 'lock.mjs');
const ROUNDS = 3;
const DEADLINE = { within: 20_000, what: 'the set-up to end' };

let dir: string;
let children: ChildProcess[];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-lock-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const folder = (): string => path.join(dir, 'set-up.lock');
const said = (): string => (existsSync(path.join(dir, 'said')) ? readFileSync(path.join(dir, 'said'), 'utf8') : '');

/** A process that sets up under the lock: it says when it begins and ends, and works until it is told to end. */
function setUp(name: string, lock = folder()): { readonly child: ChildProcess; end(): void } {
  const source = `
    import { appendFileSync, existsSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(LOCK)};
    const say = (text) => appendFileSync(${JSON.stringify(path.join(dir, 'said'))}, ${JSON.stringify(`${name} `)} + text + '\\n');
    await withLock(${JSON.stringify(lock)}, async () => {
      say('begins');
      while (!existsSync(${JSON.stringify(path.join(dir, name))})) await new Promise((resolve) => setTimeout(resolve, 10));
      say('ends');
    }, say);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' });
  children.push(child);
  return { child, end: () => writeFileSync(path.join(dir, name), '') };
}

/** A process that waits for each round to begin, and then tells whether it met another under the lock. */
function race(name: string, rounds: number): ChildProcess {
  const source = `
    import { appendFileSync, existsSync, mkdirSync, rmdirSync } from 'node:fs';
    import { setImmediate as turn } from 'node:timers/promises';
    import { withLock } from ${JSON.stringify(LOCK)};
    process.chdir(${JSON.stringify(dir)});
    const say = (text) => appendFileSync('said', ${JSON.stringify(`${name} `)} + text + '\\n');
    for (let round = 0; round < ${rounds}; round += 1) {
      say('ready');
      while (!existsSync('go ' + round)) await turn();
      await withLock('set-up.lock', async () => {
        try {
          mkdirSync('inside');
        } catch {
          return say('met another');
        }
        for (let turns = 0; turns < 1_000; turns += 1) await turn();
        rmdirSync('inside');
      }, () => undefined);
      say('was in');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' });
  children.push(child);
  return child;
}
const lines = (text: string): readonly string[] =>
  said()
    .split('\n')
    .filter((line) => line.includes(text));

/** What a process leaves that was killed under the lock, and began long ago. */
function plantLockOf(pid: number): void {
  mkdirSync(folder());
  writeFileSync(path.join(folder(), `${pid}-1`), '');
}

test('When two set up at once, then one waits, says for whom, and goes on when the other has ended', async () => {
  const first = setUp('first');
  await until(() => said().includes('first begins'), DEADLINE);
  const second = setUp('second');
  await until(() => said().includes(`second another set-up is under way (pid ${first.child.pid})`), DEADLINE);
  expect(said()).not.toContain('second begins');
  first.end();
  second.end();
  await until(() => said().includes('second ends'), DEADLINE);
  expect(said().indexOf('second begins')).toBeGreaterThan(said().indexOf('first ends'));
  await until(() => !existsSync(folder()), DEADLINE);
});

test('When whoever started it is gone by the end of its set-up, then nothing is started', async () => {
  const other = setUp('other', path.join(ROOT, '.firstcome', 'set-up.lock'));
  await until(() => said().includes('other begins'), DEADLINE);
  const parent = spawn('sh', ['-c', `"${process.execPath}" stack/setup.mjs audit & wait`], {
    cwd: ROOT,
    env: { ...process.env, FIRSTCOME_HOME: dir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(parent);
  let told = '';
  parent.stderr.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  await until(() => told.includes('another set-up is under way'), DEADLINE);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  other.end();
  await until(() => told.includes('whoever started this has gone meanwhile'), DEADLINE);
  expect(told).not.toContain('no stack of this folder');
});

test('When the owner was killed, then its lock is taken over', async () => {
  const first = setUp('first');
  await until(() => said().includes('first begins'), DEADLINE);
  first.child.kill('SIGKILL');
  setUp('second').end();
  await until(() => said().includes('second ends'), DEADLINE);
});

test("When an earlier version's owner has a pid that is another process's by now, then its lock is taken over", async () => {
  mkdirSync(folder());
  writeFileSync(path.join(folder(), 'owner'), JSON.stringify({ ...birthOf(process.pid), startedAt: 'long ago' }));
  setUp('second').end();
  await until(() => said().includes('second ends'), DEADLINE);
});

test("When the owner's pid belongs to another process by now, then its lock is taken over", async () => {
  plantLockOf(process.pid);
  setUp('second').end();
  await until(() => said().includes('second ends'), DEADLINE);
});

test('When its maker died before it wrote itself down, then the lock is taken over', async () => {
  mkdirSync(folder());
  setUp('second').end();
  await until(() => said().includes('second ends'), DEADLINE);
});

test('When many find the lock of a dead one at the same moment, then each gets in, and never two at once', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const racers = Array.from({ length: 12 }, (_, index) => race(`racer ${index}`, ROUNDS));
  for (let round = 0; round < ROUNDS; round += 1) {
    await until(() => lines('ready').length === (round + 1) * racers.length, DEADLINE);
    plantLockOf(Number(dead.pid));
    writeFileSync(path.join(dir, `go ${round}`), '');
    await until(() => lines('was in').length === (round + 1) * racers.length, DEADLINE);
  }
  expect(lines('met')).toEqual([]);
}, 120_000);
