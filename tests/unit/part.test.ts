/** The life of a supervised process, with real processes: what it is called, and that it comes back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createPart, type Part } from '../../stack/launcher/part';
import { until } from '../support/until';

const dir = mkdtempSync(path.join(tmpdir(), 'firstcome-part-'));
const said: string[] = [];
let part: Part;

/** A process that sleeps; `isReady` is asked as the launcher asks. */
function createSleeper(isReady: () => Promise<boolean>): Part {
  const events = { onChange: () => undefined, say: (sentence: string) => void said.push(sentence) };
  const args = ['-e', 'setInterval(() => undefined, 1_000)'];
  const spec = { name: 'sleeper', command: process.execPath, args, env: {}, layer: 1, log: path.join(dir, 'log') };
  return createPart({ ...spec, isReady }, events);
}

const pidOf = (): number => part.birth()?.pid ?? 0;
const untilReadyAs = (before: number) =>
  until(() => part.state() === 'ready' && pidOf() !== 0 && pidOf() !== before, { within: 10_000, what: 'it is back' });

/** Kills it, and answers once its end has been noticed. */
async function killNow(): Promise<void> {
  const killed = pidOf();
  process.kill(killed, 'SIGKILL');
  await until(() => pidOf() !== killed, { within: 5_000, what: 'the death to be seen' });
}

afterEach(async () => {
  await part.stop();
  said.length = 0;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('When it dies, then it is started again and says so', async () => {
  part = createSleeper(async () => true);
  await part.start();
  const before = pidOf();
  await killNow();
  await untilReadyAs(before);
  expect([part.restarts(), said]).toEqual([
    1,
    ['sleeper died (SIGKILL); starting it again in 200 ms', 'sleeper is back'],
  ]);
});

test('When it answers and dies before the answer is taken, coming back, then it is not called ready, and comes back once more', async () => {
  let looks = 0;
  part = createSleeper(async () => {
    looks += 1;
    if (looks === 2) await killNow();
    return true;
  });
  await part.start();
  const before = pidOf();
  await killNow();
  await untilReadyAs(before);
  expect(part.restarts()).toBe(2);
  expect(said.filter((sentence) => sentence === 'sleeper is back')).toHaveLength(1);
});

test('When it answers and dies before the answer is taken, at its first start, then the start goes on with another try', async () => {
  let looks = 0;
  part = createSleeper(async () => {
    looks += 1;
    if (looks === 1) await killNow();
    return true;
  });
  await part.start();
  expect([part.state(), pidOf() > 0, said]).toEqual([
    'ready',
    true,
    ['sleeper ended before it was ready; starting it again'],
  ]);
});
