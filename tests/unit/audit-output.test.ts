/** What a command has to say reaches a slow reader whole, and one that has gone does not change how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const ROOT = path.resolve(__dirname, '..', '..');
const LONG = 1_000_000;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A command that has a long report, says so on standard error, and ends with 7. */
function command() {
  const script = `
    const { exitWhenWritten, outliveReaders } = require('./audit/output.ts');
    outliveReaders();
    process.stdout.write('x'.repeat(${LONG}));
    process.stderr.write('written', () => exitWhenWritten(7));`;
  const child = spawn(process.execPath, ['-r', './tests/support/ts-hook.cjs', '-e', script], { cwd: ROOT });
  children.push(child);
  return child;
}

test('When the reader begins late, then it gets all of a long report', async () => {
  const child = command();
  const ended = once(child, 'exit');
  await once(child.stderr, 'data');
  const [report, [code]] = await Promise.all([text(child.stdout), ended]);
  expect([report.length, code]).toEqual([LONG, 7]);
});

test('When the reader has gone, then the exit code is the same', async () => {
  const child = command();
  const ended = once(child, 'exit');
  child.stdout.destroy();
  const [code] = await ended;
  expect(code).toBe(7);
});
