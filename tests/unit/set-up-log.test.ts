/** What set-up runs is written down, whether it went well or not: the place that each step names. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const RUN = path.resolve(__dirname, '..', '..', 'stack', 'setup', 'run.mjs');
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-set-up-log-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('When programs are run, then the log has each command with all it said, and the caller what it needs', () => {
  const log = path.join(dir, 'log');
  const source = `
    import { logTo, run } from ${JSON.stringify(RUN)};
    logTo(${JSON.stringify(log)});
    const said = run('sh', ['-c', 'echo out; echo aside >&2']);
    const failed = [];
    try { run('sh', ['-c', 'echo broken >&2; exit 3']); } catch (error) { failed.push(error.message); }
    try { run('firstcome-no-such-program', []); } catch (error) { failed.push(error.message); }
    console.log(JSON.stringify({ said, failed }));`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  const { said, failed } = JSON.parse(told) as { said: string; failed: string[] };
  expect(said).toBe('out\n');
  expect(failed).toEqual([
    `sh -c echo broken >&2; exit 3 failed (all it said: ${log}):\nbroken\n`,
    expect.stringContaining('ENOENT'),
  ]);
  const written = readFileSync(log, 'utf8');
  expect(written).toMatch(/^\d{4}-\S+ \$ sh -c echo out; echo aside >&2\nout\naside\n/);
  expect(written).toMatch(/\$ sh -c echo broken >&2; exit 3\nbroken\n/);
  expect(written).toMatch(/\$ firstcome-no-such-program \n.*ENOENT/);
});
