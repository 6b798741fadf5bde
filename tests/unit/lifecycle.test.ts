/** A process of ours, from its start to its end: what it says, what it releases, how it exits. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { until } from '../support/until';

const ROOT = path.resolve(__dirname, '..', '..');

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}
interface Ours {
  readonly child: ChildProcess;
  readonly lines: () => Line[];
  readonly errors: () => string;
  says(msg: string): Promise<unknown>;
  /** Its exit code; what it has said is complete then. */
  ended(): Promise<number | null>;
}

/**
 * @param start the body of the process's `start`, which sees `context`
 * @param options what runs before it, and how long its stop may take
 */
function run(start: string, { before = '', graceMs = 20_000 } = {}): Ours {
  const script = `
    const { runProcess } = require('./infra/process/lifecycle.ts');
    const { setTimeout: pause } = require('node:timers/promises');
    setInterval(() => undefined, 1_000);
    ${before}
    runProcess({ name: 'ours', graceMs: ${graceMs}, start: async (context) => { ${start} } });`;
  const child = spawn(process.execPath, ['-r', './tests/support/ts-hook.cjs', '-e', script], { cwd: ROOT });
  children.push(child);
  const closed = once(child, 'close');
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      said[name] += chunk.toString();
    });
  }
  const lines = () =>
    said.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  return {
    child,
    lines,
    errors: () => said.stderr,
    says: (msg) => until(() => lines().some((line) => line.msg === msg), { within: 20_000, what: `it to say ${msg}` }),
    ended: async () => ((await closed) as [number | null])[0],
  };
}

const words = ({ lines }: Ours): string[] => lines().map(({ msg }) => msg);
const RELEASES = `
  context.releasers.add('first', () => context.logger.info('first released'));
  context.releasers.add('second', () => context.logger.info('second released'));`;

describe('When a process is told to stop', () => {
  test('then it drains, releases in reverse order, and ends with 0', async () => {
    const ours = run(`${RELEASES} return { stop: async () => { await pause(20); context.logger.info('drained'); } };`);
    await ours.says('started');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(0);
    expect(words(ours)).toEqual(['started', 'stopping', 'drained', 'second released', 'first released', 'stopped']);
  });

  test('and its drain fails, then what it has opened is released all the same', async () => {
    const ours = run(`${RELEASES} return { stop: async () => { throw new Error('no drain'); } };`);
    await ours.says('started');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(0);
    expect(words(ours)).toEqual(['started', 'stopping', 'stop failed', 'second released', 'first released', 'stopped']);
  });

  test('and told again while it drains, then it ends at once and says so', async () => {
    const ours = run(`return { stop: () => pause(60_000) };`);
    await ours.says('started');
    ours.child.kill('SIGTERM');
    await ours.says('stopping');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(1);
    expect(ours.lines().at(-1)).toMatchObject({
      msg: 'told again to stop: not waiting for the rest',
      signal: 'SIGTERM',
    });
  });

  test('and nobody has caught an error while it drains, then it says which', async () => {
    const ours = run(`return { stop: () => { void Promise.reject(new Error('loose')); return pause(60_000); } };`);
    await ours.says('started');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(1);
    expect(ours.lines().at(-1)).toMatchObject({ msg: 'uncaught error while stopping', error: { message: 'loose' } });
  });

  test('and its threads are all at work, then what it says stands in the order in which it was said', async () => {
    const busy = `for (let n = 0; n < 8; n += 1) require('node:crypto').pbkdf2('p', 's', 400_000, 64, 'sha512', () => undefined);`;
    const ours = run(`return { stop: () => { context.logger.info('drained'); } };`, {
      before: `process.once('SIGTERM', () => { ${busy} });`,
    });
    await ours.says('started');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(0);
    expect(words(ours)).toEqual(['started', 'stopping', 'drained', 'stopped']);
  });

  test('and its drain takes longer than it may, then it ends, and says so', async () => {
    const ours = run(`return { stop: () => pause(60_000) };`, { graceMs: 50 });
    await ours.says('started');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(1);
    expect(ours.lines().at(-1)).toMatchObject({ msg: 'stopping took too long', afterMs: 50 });
  });

  test('and it is still starting, then what it has opened so far is released', async () => {
    const ours = run(`${RELEASES} context.logger.info('half-way'); await pause(60_000); return {};`);
    await ours.says('half-way');
    ours.child.kill('SIGTERM');
    expect(await ours.ended()).toBe(0);
    expect(words(ours)).toEqual(['half-way', 'stopping', 'second released', 'first released', 'stopped']);
  });
});

test('When nobody has caught an error, then it is logged, and the process drains and ends with 1', async () => {
  const ours = run(`${RELEASES} setTimeout(() => { throw new Error('loose'); }, 50); return {};`);
  expect(await ours.ended()).toBe(1);
  expect(words(ours)).toEqual([
    'started',
    'uncaught error',
    'stopping',
    'second released',
    'first released',
    'stopped',
  ]);
});

test('When the start fails, then what it has opened is released, and the process ends with 1', async () => {
  const ours = run(`${RELEASES} throw new Error('no start');`);
  expect(await ours.ended()).toBe(1);
  expect(words(ours)).toEqual(['start failed', 'second released', 'first released']);
});

test('When it logs an error, then the values of its statement are not in the line', async () => {
  const ours = run(
    `throw Object.assign(new Error('no start'), { errno: 1054, sql: 'a hash', parameters: ['a hash'] });`,
  );
  expect(await ours.ended()).toBe(1);
  const [line] = ours.lines();
  expect(line).toMatchObject({ msg: 'start failed', error: { message: 'no start', errno: 1054 } });
  expect(JSON.stringify(line)).not.toContain('a hash');
});

test('When its configuration is faulty, then it says what is wrong and ends with 78', async () => {
  const ours = run(`require('./infra/process/config.ts').readConfig(['METRICS_PORT'], { METRICS_PORT: 'often' });`);
  expect(await ours.ended()).toBe(78);
  expect(ours.errors()).toMatch(/^ours: configuration:\n {2}METRICS_PORT: not valid/);
});
