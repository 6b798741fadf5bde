/** Sagas that run today must go on after a deployment: every recorded history fits the workflows as they are now. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { PATH_NAMES } from '../support/sagas/paths';
import { bundleOf, type Recorded, replay } from './replaying';

const FOLDER = path.join(__dirname, 'histories');
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));
const read = (name: string): Recorded => JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8'));

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
});

const WANTED = [
  ...PATH_NAMES.map((name) => `checkout-1-${name}`),
  ...['paid', 'expired', 'cancelled', 'mixed', 'stores-in-trouble'].map((name) => `checkout-25-${name}`),
  ...['waiting', 'paying', 'ended', 'disowned'].map((name) => `resumed-${name}`),
  ...['refund-refunded', 'refund-refused'],
];

test('When a path exists, then a history of it was recorded, for one order and for groups', () => {
  expect(NAMES).toEqual(expect.arrayContaining(WANTED));
});

describe('When a recorded history is replayed, then the workflows decide as they did', () => {
  let bundle: { code: string };
  beforeAll(async () => {
    bundle = await bundleOf('workflows');
  });

  test.each(NAMES)('%s', async (name) => {
    expect(await replay(bundle, read(name))).toBeNull();
  });
});

test('When a workflow does its steps in another order, then replay refuses it', async () => {
  const reordered = await bundleOf('tests/replay/reordered');
  const verdicts = await Promise.all(
    ['checkout-1-paid', 'checkout-25-mixed'].map((name) => replay(reordered, read(name))),
  );
  for (const verdict of verdicts) expect(verdict).toContain('TMPRL1100');
});
