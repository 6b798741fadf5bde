/** Kafka's classes: only a broker that served wrote them, and none is left behind. A stand-in for Java plays the broker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Birth, birthOf, isAlive } from '../../stack/launcher/process-life';
import { until } from '../support/until';

const MODULE = path.resolve(__dirname, '..', '..', 'stack', 'setup', 'kafka-classes.mjs');
const DEADLINE = { within: 20_000, what: 'the broker runs' };
type Broker = 'serves' | 'ends early' | 'says nothing' | 'cannot be run';

let dir: string;
let brokers: Birth[];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-classes-'));
  brokers = [];
});
afterEach(() => {
  for (const { pid } of brokers.filter(isAlive)) process.kill(pid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const archive = (): string => path.join(dir, 'kafka.jsa');

/** A program that answers as Java does where set-up asks, and is the broker that is asked for. */
function standIn(broker: Broker): string {
  const file = path.join(dir, 'java');
  const source = `#!${process.execPath}
    const { rmSync, writeFileSync } = require('node:fs');
    const broker = ${JSON.stringify(broker)};
    const archive = process.argv.find((each) => each.startsWith('-XX:ArchiveClassesAtExit='))?.split('=')[1];
    const end = () => { writeFileSync(archive, 'classes'); process.exit(143); };
    if (process.argv.includes('-version')) console.log('openjdk version "17.0.1"');
    else if (!archive) broker === 'cannot be run' && rmSync(__filename);
    else if (broker === 'ends early') end();
    else {
      writeFileSync(${JSON.stringify(path.join(dir, 'broker'))}, String(process.pid));
      process.on('SIGTERM', end);
      setInterval(() => {}, 1_000);
      if (broker === 'serves') console.log('Kafka Server started');
    }`;
  writeFileSync(file, source, { mode: 0o755 });
  return file;
}

/** Makes the archive as set-up does, in plain Node; `result` is what came of it, and whether handlers or timers stayed. */
function setUp(broker: Broker): { readonly child: ChildProcess; readonly result: Promise<unknown> } {
  const source = `
    import { archiveKafkaClasses } from ${JSON.stringify(MODULE)};
    const held = () => [
      ...['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'].map((name) => process.listenerCount(name)),
      process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length,
    ];
    const before = held();
    const failed = await archiveKafkaClasses({ tools: ${JSON.stringify(dir)} }).then(() => null, (error) => error.message);
    process.stdout.write(JSON.stringify({ failed, isHeld: held().join() !== before.join() }));
    process.exit();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, FIRSTCOME_JAVA: standIn(broker) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const result = new Promise((resolve) => child.once('close', () => resolve(said === '' ? null : JSON.parse(said))));
  return { child, result };
}

const pidOfBroker = (): number => Number(readFileSync(path.join(dir, 'broker'), 'utf8'));

test('When the broker serves, then it is ended, its classes are kept, and nothing of it stays', async () => {
  expect(await setUp('serves').result).toEqual({ failed: null, isHeld: false });
  expect(readFileSync(archive(), 'utf8')).toBe('classes');
  expect(birthOf(pidOfBroker())).toBeNull();
  expect(readdirSync(dir).sort()).toEqual(['broker', 'java', 'kafka.jsa']);
});

test('When the broker ends before it has served, then what it wrote is not kept', async () => {
  expect(await setUp('ends early').result).toEqual({
    failed: expect.stringContaining('before it served'),
    isHeld: false,
  });
  expect(existsSync(archive())).toBe(false);
});

test('When there is no broker to be run after all, then no handler and no timer stays with set-up', async () => {
  expect(await setUp('cannot be run').result).toEqual({ failed: expect.stringContaining('ENOENT'), isHeld: false });
});

test('When set-up is killed while the broker runs, then the next set-up ends it', async () => {
  const killed = setUp('says nothing');
  const record = path.join(dir, 'kafka.jsa.new', 'broker.json');
  await until(() => existsSync(path.join(dir, 'broker')) && existsSync(record), DEADLINE);
  const left = birthOf(pidOfBroker()) as Birth;
  brokers.push(left);
  killed.child.kill('SIGKILL');
  await killed.result;
  expect(isAlive(left)).toBe(true);
  expect(await setUp('serves').result).toEqual({ failed: null, isHeld: false });
  expect(isAlive(left)).toBe(false);
});
