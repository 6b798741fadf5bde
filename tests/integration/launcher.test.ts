/** Supervision of real processes: deaths, restarts, leftovers, stops. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHome, type Home, writeJson } from '../../stack/launcher/home';
import { createPart, type Part, type PartSpec } from '../../stack/launcher/part';
import { type Birth, birthOf, isAlive, signal } from '../../stack/launcher/process-life';
import { clearDeadRuns, createRun } from '../../stack/launcher/runs';
import { claimLauncher, createStack, endLeftovers, runningLauncher } from '../../stack/launcher/stack';
import { until } from '../support/until';

const ROOT = path.resolve(__dirname, '..', '..');
let dir: string;
let home: Home;
let said: string[];
const events = { onChange: () => undefined, say: (sentence: string) => void said.push(sentence) };

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-parts-'));
  home = createHome('/nowhere', { FIRSTCOME_HOME: dir });
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A process that says "up", writes down each SIGTERM, and drains a moment after the first, in which a repeated one is seen. */
const SLEEPER = `
  const out = (line) => require('fs').writeSync(1, line + '\\n');
  process.on('SIGTERM', () => { out('SIGTERM'); setTimeout(() => process.exit(0), 200); });
  setInterval(() => {}, 1000);
  out('up');`;

const spec = (name: string, source = SLEEPER, more: Partial<PartSpec> = {}): PartSpec => ({
  name,
  command: process.execPath,
  args: ['-e', source],
  env: {},
  layer: 1,
  log: path.join(dir, `${name}.log`),
  isReady: async () => readFileSync(path.join(dir, `${name}.log`), 'utf8').includes('up'),
  ...more,
});
/** kill -9; its "up" goes with it, so that the next one has to say so itself. */
function kill(part: Part): void {
  rmSync(part.spec.log);
  signal(part.birth()?.pid ?? 0, 'SIGKILL');
}
const deadline = (what: string) => ({ within: 20_000, what });

test('When a part is killed, then it is started again and this is said; told to stop, it gets one SIGTERM and stays away', async () => {
  const part = createPart(spec('sleeper'), events);
  await part.start();
  const first = part.birth();
  kill(part);
  await until(() => part.state() === 'ready' && part.birth()?.pid !== first?.pid, deadline('a new process'));
  expect(part.restarts()).toBe(1);
  expect(said).toEqual([expect.stringContaining('sleeper died (SIGKILL)'), 'sleeper is back']);

  const second = part.birth() as Birth;
  await part.stop();
  expect([isAlive(second), part.state(), part.birth()]).toEqual([false, 'stopped', null]);
  expect(readFileSync(path.join(dir, 'sleeper.log'), 'utf8').match(/SIGTERM/g)).toHaveLength(1);
});

test('When a part dies again and again, then the pauses grow, and a stop ends the attempts', async () => {
  const part = createPart(spec('sleeper'), events);
  await part.start();
  const pauses = (): number[] => said.flatMap((line) => Number(/in (\d+) ms/.exec(line)?.[1] ?? Number.NaN) || []);
  for (const count of [1, 2, 3]) {
    kill(part);
    await until(() => pauses().length === count, deadline('the death to be said'));
    if (count < 3) await until(() => part.state() === 'ready', deadline('its return'));
  }
  await part.stop();
  expect(pauses()).toEqual([200, 400, 800]);
  expect([part.state(), part.birth()]).toEqual(['stopped', null]);
});

test('When a part never becomes ready, then its start fails, names the log, and leaves nothing running', async () => {
  const part = createPart(spec('mute', 'setInterval(() => {}, 1000)', { readyWithinMs: 300 }), events);
  await expect(part.start()).rejects.toThrow(path.join(dir, 'mute.log'));
  expect(part.birth()).toBeNull();
});

test('When a part ends before it is ready, then it is started again and this is said; three times, and its start fails', async () => {
  const marker = path.join(dir, 'met');
  const first = `const fs = require('fs'); if (!fs.existsSync('${marker}')) { fs.writeFileSync('${marker}', ''); process.exit(1); }`;
  const part = createPart(spec('late', first + SLEEPER), events);
  await part.start();
  expect(said).toEqual(['late ended before it was ready; starting it again']);
  expect([part.state(), part.restarts()]).toEqual(['ready', 0]);
  await part.stop();

  const never = createPart(spec('never', 'process.exit(1)'), events);
  await expect(never.start()).rejects.toThrow(/never did not become ready; its log: .*never\.log/);
  expect(said.filter((line) => line.startsWith('never'))).toHaveLength(2);
});

test('When the stop comes while a part is being prepared, then nothing is started behind it', async () => {
  let prepared = (): void => undefined;
  const prepare = () => new Promise<void>((resolve) => (prepared = resolve));
  const stack = createStack(
    home,
    [spec('slow', SLEEPER, { prepare }), spec('late', SLEEPER, { layer: 2 })],
    events.say,
  );
  const start = stack.start(
    ({ layer }) => layer === 1,
    () => undefined,
  );
  await stack.stop();
  prepared();
  await expect(start).rejects.toThrow('stopped');
  await expect(
    stack.start(
      ({ layer }) => layer === 2,
      () => undefined,
    ),
  ).rejects.toThrow('stopped');
  expect(stack.parts.map((part) => part.birth())).toEqual([null, null]);
});

test('When a launcher was killed, then what it left is ended by pid and start time, and a stranger with that pid lives on', async () => {
  const left = spawn(process.execPath, ['-e', SLEEPER], { detached: true, stdio: 'ignore' });
  const stranger = spawn(process.execPath, ['-e', SLEEPER], { detached: true, stdio: 'ignore' });
  try {
    const [ours, other] = [left, stranger].map(({ pid }) => birthOf(pid ?? 0) as Birth) as [Birth, Birth];
    const parts = { relay: ours, gateway: { pid: other.pid, startedAt: 'long ago' } };
    writeJson(home.at('pids.json'), { launcher: null, parts });
    expect(await endLeftovers(home)).toEqual(['relay']);
    expect([isAlive(ours), isAlive(other)]).toEqual([false, true]);
  } finally {
    for (const { pid } of [left, stranger]) signal(pid ?? 0, 'SIGKILL');
  }
});

/** Claims the folder in a process of its own, says who has it (or "mine"), and lives until its input ends. */
const CLAIMER = `
  const { claimLauncher } = require('./stack/setup/launcher-record.cjs');
  process.stdin.once('data', () => console.log(claimLauncher(process.argv[1])?.pid ?? 'mine')).once('end', process.exit);
  console.log('ready');`;

test('When launchers claim one folder in the same moment, then one has it and the others name it; a dead one has nothing', async () => {
  const start = () => {
    const child = spawn(process.execPath, ['-e', CLAIMER, dir], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    return { child, said: () => text.trim().split('\n') };
  };
  const race = async (claimers: readonly ReturnType<typeof start>[]) => {
    for (const { said } of claimers) await until(() => said()[0] === 'ready', deadline('a claimer to be ready'));
    for (const { child } of claimers) child.stdin.write('now');
    for (const { said } of claimers) await until(() => said()[1], deadline('its answer'));
    return claimers.find(({ said }) => said()[1] === 'mine');
  };
  const first = Array.from({ length: 4 }, start);
  const second = Array.from({ length: 4 }, start);
  try {
    for (const claimers of [first, second]) {
      const winner = await race(claimers);
      const answers = claimers.map(({ said }) => said()[1]).sort();
      expect(answers).toEqual([...Array.from({ length: 3 }, () => String(winner?.child.pid)), 'mine']);
      expect(runningLauncher(home)?.pid).toBe(winner?.child.pid);
      // Killed, it leaves its claim behind: the next round takes it over.
      winner?.child.kill('SIGKILL');
      await until(() => runningLauncher(home) === null, deadline('its death'));
    }
  } finally {
    for (const { child } of [...first, ...second]) child.stdin.destroy();
    for (const { child } of [...first, ...second]) child.kill('SIGKILL');
  }
});

test('When npm start is given faulty settings, then it names each with what is valid, and ends with 78 before it looks at anything', () => {
  // The folder has a launcher, so that a start which does not look at the settings ends here too, with 1.
  claimLauncher(home);
  const { status, stdout } = spawnSync(process.execPath, [path.join(ROOT, 'stack', 'setup.mjs'), 'start'], {
    env: { ...process.env, FIRSTCOME_HOME: dir, CHECKOUT_GROUP_MAX: 'abc', PAYMENT_ATTEMPTS: '0' },
    encoding: 'utf8',
  });
  expect(stdout).toMatch(
    new RegExp(
      [
        '^  ✗ configuration:',
        'CHECKOUT_GROUP_MAX: not valid, expected a whole number from 1 to 50: .*',
        'PAYMENT_ATTEMPTS: not valid, expected a whole number from 1 to 10: .*\\n$',
      ].join('\\n  '),
    ),
  );
  expect(status).toBe(78);
});

test('When a run of tests was killed, then the next one ends its processes and removes its folder, and leaves living runs alone', async () => {
  const left = spawn(process.execPath, ['-e', SLEEPER], { detached: true, stdio: 'ignore' });
  try {
    const [dead, living] = [createRun(dir, 'test-'), createRun(dir, 'test-')];
    writeJson(path.join(dead.dir, 'run.json'), { pid: process.pid, startedAt: 'long ago' });
    const birth = birthOf(left.pid ?? 0) as Birth;
    writeJson(dead.homeOf('stack').at('pids.json'), { launcher: null, parts: { relay: birth } });

    await clearDeadRuns(dir);
    expect([isAlive(birth), existsSync(dead.dir), existsSync(living.dir)]).toEqual([false, false, true]);
  } finally {
    signal(left.pid ?? 0, 'SIGKILL');
  }
});

test('When whoever reads its output goes away, then the launcher is told to stop, and does not just die', async () => {
  const file = path.join(dir, 'told');
  const source = `
    require('./stack/launcher/until-told').untilTold().then((reason) => {
      console.log('a last word');
      setTimeout(() => { require('fs').writeFileSync(${JSON.stringify(file)}, reason); process.exit(0); }, 100);
    });
    setInterval(() => console.log('still here'), 20);`;
  const launcher = spawn(process.execPath, ['-r', './tests/support/ts-hook.cjs', '-e', source], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => launcher.stdout.once('data', resolve));
  launcher.stdout.destroy();
  await until(() => launcher.exitCode !== null, deadline('its end'));
  expect([launcher.exitCode, readFileSync(file, 'utf8')]).toEqual([0, 'nobody reads its output any more']);
});

test('When its parent is killed, and with it whoever could stop it, then the launcher is told to stop and ends by itself', async () => {
  const [born, told] = [path.join(dir, 'born'), path.join(dir, 'told')];
  const launcher = `
    const { renameSync, writeFileSync } = require('node:fs');
    const write = (file, text) => { writeFileSync(file + '.new', text); renameSync(file + '.new', file); };
    const works = setInterval(() => {}, 1_000);
    require('./stack/launcher/until-told').untilTold().then((reason) => { clearInterval(works); write(${JSON.stringify(told)}, reason); });
    write(${JSON.stringify(born)}, String(process.pid));`;
  const args = JSON.stringify(['-r', './tests/support/ts-hook.cjs', '-e', launcher]);
  const npm = spawn(
    process.execPath,
    ['-e', `require('node:child_process').spawn(process.execPath, ${args}, { stdio: 'ignore' })`],
    { cwd: ROOT, stdio: 'ignore' },
  );
  let birth: Birth | null = null;
  try {
    const pid = await until(() => existsSync(born) && readFileSync(born, 'utf8'), deadline('it to listen'));
    const listening = birthOf(Number(pid)) as Birth;
    birth = listening;
    npm.kill('SIGKILL');
    await until(() => !isAlive(listening), deadline('its end'));
    expect(readFileSync(told, 'utf8')).toBe('its parent has gone');
  } finally {
    npm.kill('SIGKILL');
    if (birth && isAlive(birth)) signal(birth.pid, 'SIGKILL');
  }
});
