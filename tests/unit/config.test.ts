/** Settings that are wrong are named, all of them, before anything is connected. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { API_SETTINGS } from '../../api/app';
import { openParts } from '../../api/parts';
import { composeGateway, GATEWAY_SETTINGS, type GatewayParts } from '../../gateway/compose';
import { ConfigError, readConfig, type SettingName, settings } from '../../infra/process/config';
import { createLogger } from '../../infra/process/logger';
import { createMetrics } from '../../infra/process/metrics';
import { createReleasers } from '../../infra/process/releasers';

const ROOT = path.resolve(__dirname, '..', '..');
const ADDRESSES = {
  MYSQL_URL: 'mysql://nobody@127.0.0.1:1/none',
  REDIS_URL: 'redis://127.0.0.1:1',
  TEMPORAL_ADDRESS: '127.0.0.1:1',
};
const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

function open(env: Readonly<Record<string, string>>) {
  const logger = createLogger('test', 'silent');
  const config = readConfig(API_SETTINGS, { ...ADDRESSES, ...env });
  return openParts({ config, logger, metrics: createMetrics('test'), releasers: createReleasers(logger) });
}
const messageOf = (error: unknown): string => (error instanceof ConfigError ? error.message : String(error));

test('When services lack several secrets, then one error names them all, and only what these services need', async () => {
  const names = (error: unknown): string[] => messageOf(error).match(/[A-Z]{3,}(_[A-Z]+)+(?=: missing)/g) ?? [];
  const secrets = ['PRINCIPAL_SECRET', 'TICKET_SECRET', 'PROVIDER_URL', 'PROVIDER_SECRET_KEY'];
  expect(names(await open({ SERVICES: 'carts' }).catch((error: unknown) => error))).toEqual(secrets);
  expect(names(await open({}).catch((error: unknown) => error))).toEqual([...secrets, 'TOKEN_PRIVATE_KEY']);
  const given = { SERVICES: 'carts', TICKET_SECRET: 't'.repeat(43), PROVIDER_URL: 'http://127.0.0.1:1' };
  expect(names(await open(given).catch((error: unknown) => error))).toEqual([
    'PRINCIPAL_SECRET',
    'PROVIDER_SECRET_KEY',
  ]);
});

test('When a gateway lacks keys, or the list of a static registry, then one error names them before anything is opened', async () => {
  const compose = (env: Record<string, string>) =>
    composeGateway({ config: readConfig(GATEWAY_SETTINGS, env) } as GatewayParts).catch(messageOf);
  expect(await compose({})).toMatch(
    /^configuration:\n {2}TOKEN_PUBLIC_KEYS: missing: .*\n {2}PRINCIPAL_SECRET: missing: /,
  );
  const keys = { TOKEN_PUBLIC_KEYS: JSON.stringify({ keys: [KEY] }), PRINCIPAL_SECRET: 'p'.repeat(43) };
  expect(await compose({ ...keys, REGISTRY: 'static' })).toMatch(/^configuration:\n {2}REGISTRY_STATIC: missing: /);
});

test.each<[SettingName, string[], string]>([
  ['TOKEN_PUBLIC_KEYS', ['{', '[]', '{"keys":[]}', JSON.stringify(KEY)], JSON.stringify({ keys: [KEY] })],
  ['TOKEN_PRIVATE_KEY', ['secret', '"secret"', '{}'], JSON.stringify(KEY)],
  [
    'REGISTRY_STATIC',
    ['orders', 'nothing=http://a:1', 'orders=http://a:1|elsewhere', 'orders=http://a:1;payments=http://b:1'],
    'orders=http://a:1|http://b:1,payments=http://c:1',
  ],
])('When %s is malformed, then the configuration is refused by its name', (name, malformed, valid) => {
  for (const value of malformed) {
    expect(() => readConfig([name], { [name]: value })).toThrow(`${name}: not valid`);
  }
  expect(readConfig([name], { [name]: valid })[name]).toBe(valid);
});

test('When settings are not valid, then one error names each, says what would be, and shows no value', () => {
  const env = { CHECKOUT_GROUP_MAX: 'abc', PAYMENT_ATTEMPTS: '0', SWEEP_EVERY_MS: '1.5', LOG_LEVEL: 'loud' };
  const names = Object.keys(env) as SettingName[];
  expect(() => readConfig(names, env)).toThrow(
    new ConfigError(
      [
        'configuration:',
        `CHECKOUT_GROUP_MAX: not valid, expected a whole number from 1 to 50: ${settings.CHECKOUT_GROUP_MAX.doc}`,
        'PAYMENT_ATTEMPTS: not valid, expected a whole number from 1 to 10: declines an order survives, counting the last',
        `SWEEP_EVERY_MS: not valid, expected a whole number, 1000 or more: ${settings.SWEEP_EVERY_MS.doc}`,
        'LOG_LEVEL: not valid, expected one of fatal, error, warn, info, debug, trace, silent: pino level',
      ].join('\n  '),
    ),
  );
});

test('When a value is refused, whichever setting it is, then what is expected is said in our words, not in those of the library', () => {
  const names = Object.keys(settings) as SettingName[];
  // Longer than a shop's name; too short to be a secret; no number, no URL, no JSON.
  const nonsense = 'N0t valid, '.repeat(3);
  const refusals = names.flatMap((name) => {
    try {
      readConfig([name], { [name]: nonsense });
      return [];
    } catch (error) {
      return messageOf(error);
    }
  });
  expect(refusals.length).toBeGreaterThan(30);
  for (const refusal of refusals) {
    expect(refusal).toMatch(
      /^configuration:\n {2}[A-Z_]+: not valid, expected (a whole|a URL|one|at least|1 to 40|service=|\{"keys")/,
    );
    expect(refusal).not.toContain(nonsense);
  }
});

test.each(['abc', '-1', '1e9', ''])(
  'When the audit is told to wait "%s" seconds, then it says how it is used, and ends with 2',
  (wait) => {
    const hook = path.join(ROOT, 'tests', 'support', 'ts-hook.cjs');
    const { status, stderr } = spawnSync(
      process.execPath,
      ['-r', hook, path.join(ROOT, 'audit', 'main.ts'), `--wait=${wait}`],
      { encoding: 'utf8', env: { ...process.env, ...ADDRESSES } },
    );
    expect([status, stderr]).toEqual([2, expect.stringContaining('Usage: npm run audit')]);
  },
);
