import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeOnlyNames } from '../../docs/generators/settings';
import { readConfig, type SettingName, settings } from '../../infra/process/config';
import { isJob, ours, settingsOf } from './compose-entries';
import { environmentOf, interpolate, newSecrets, ROOT, readCompose, variablesOf } from './compose-files';

const FILES = ['docker-compose.yml', 'compose.cluster.yml'];
const base = readCompose('docker-compose.yml');
const secrets = newSecrets();
/** Not of the registry: a path that only the seed is told. */
const FOREIGN = new Set(['SEED_CREDENTIALS']);
/** Optional in the registry, because other processes do without; these cannot. */
const NEEDED: Readonly<Record<string, readonly SettingName[]>> = {
  gateway: ['TOKEN_PUBLIC_KEYS', 'PRINCIPAL_SECRET', 'PUBLIC_URL'],
  members: ['TOKEN_PRIVATE_KEY'],
  orders: ['DEMO', 'SANDBOX_URL'],
  checkout: ['PROVIDER_URL', 'PROVIDER_SECRET_KEY'],
  sandbox: ['SANDBOX_DIR', 'PROVIDER_SECRET_KEY', 'SANDBOX_WEBHOOK_URL'],
};
/** Not to be set from outside: what follows from the containers, their network and their volumes. */
const DECIDED = new Set<SettingName>([
  ...(['MYSQL_URL', 'MYSQL_SOCKET', 'REDIS_URL', 'KAFKA_BROKERS', 'HOST', 'PORT', 'METRICS_PORT'] as const),
  ...(['SERVICES', 'ADVERTISED_URL', 'INSTANCE_ID', 'REGISTRY', 'REGISTRY_STATIC'] as const),
  ...(['SANDBOX_URL', 'SANDBOX_DIR', 'SANDBOX_WEBHOOK_URL'] as const),
]);
/** Every service reads the settings of all five; these are used by these alone. */
const USED_BY: Readonly<Partial<Record<SettingName, readonly string[]>>> = {
  TOKEN_PRIVATE_KEY: ['members'],
  ACCESS_TOKEN_S: ['members'],
  REFRESH_TOKEN_S: ['members'],
  PROVIDER_CLIENT_KEY: ['orders'],
  ACCEPTANCE_BATCH_MAX: ['orders'],
  CHECKOUT_BACKLOG_MAX: ['orders'],
  DEMO: ['orders'],
  CONFIRM_WAIT_MS: ['orders', 'payments'],
  PAYMENT_ATTEMPTS: ['payments'],
};
/** Decided for one process, handed on to others: the seed goes through the gateway within the network. */
const FIXED: Readonly<Record<string, readonly SettingName[]>> = { seed: ['PUBLIC_URL'] };
/** Kept secret, and nothing is lost without it. */
const OPTIONAL_SECRETS = new Set(['TEMPORAL_API_KEY']);

const processes = ours(base).filter(([name]) => !isJob(base, name));

test('When the system runs in containers, then every process of ours has one of its own', () => {
  const services = ['members', 'carts', 'products', 'orders', 'payments'];
  const workers = ['checkout', 'dispatcher', 'relay', 'consumers', 'gate'];
  expect(processes.map(([name]) => name).sort()).toEqual(['gateway', 'sandbox', ...services, ...workers].sort());
  for (const name of services) expect(base.services[name]?.environment?.SERVICES).toBe(name);
});

test.each(ours(base))('When %s starts, then its entry point has a source', (_name, _service, entry) => {
  expect({ entry, exists: existsSync(join(ROOT, entry)) }).toEqual({ entry, exists: true });
});

test.each(ours(base))('When %s starts, then all it needs is set and valid', (name, service, entry) => {
  const env = environmentOf(service, secrets);
  const { read, required } = settingsOf(entry);
  // Throws with every missing or malformed variable of this process.
  readConfig([...read], env);
  expect([...required, ...(NEEDED[name] ?? [])].filter((each) => !env[each])).toEqual([]);
});

test.each(ours(base))('When %s gets a variable, then it reads it', (_name, service, entry) => {
  const { read } = settingsOf(entry);
  const unread = Object.keys(service.environment ?? {}).filter((each) => !read.has(each as SettingName));
  expect(unread.filter((each) => !FOREIGN.has(each))).toEqual([]);
});

test.each(ours(base))('When a setting that %s reads is set in .env, then it arrives there', (name, service, entry) => {
  const services = ours(base).filter(([, , each]) => each === 'api/main.ts');
  const isService = services.some(([each]) => each === name);
  const isUsed = (setting: SettingName): boolean => !isService || (USED_BY[setting]?.includes(name) ?? true);
  const due = [...settingsOf(entry).read].filter((setting) => !DECIDED.has(setting) && isUsed(setting));
  const fixed = FIXED[name] ?? [];
  const lost = due.filter((setting) => {
    const handedOn = variablesOf(String(service.environment?.[setting] ?? ''));
    return !handedOn.some((variable) => variable.name === setting) && !fixed.includes(setting);
  });
  expect(lost).toEqual([]);
});

test('When .env.example lists a setting, then some process of ours gets it, or compose decides it', () => {
  const given = new Set(ours(base).flatMap(([, service]) => Object.keys(service.environment ?? {})));
  const names = Object.keys(settings) as SettingName[];
  expect(names.filter((each) => !given.has(each) && !DECIDED.has(each))).toEqual([]);
});

test.each(FILES)('When %s names a variable, then it is known, and a secret has no default', (path) => {
  const variables = variablesOf(readFileSync(join(ROOT, path), 'utf8'));
  const known = new Set([...Object.keys(settings), ...composeOnlyNames()]);
  expect(variables.filter(({ name }) => !known.has(name))).toEqual([]);
  const isSecret = (name: string): boolean =>
    name.endsWith('_PASSWORD') || (name in settings && settings[name as SettingName].secret === true);
  const hasDefault = variables.filter(({ name, kind, fallback }) =>
    OPTIONAL_SECRETS.has(name) ? fallback !== '' : isSecret(name) && kind !== 'required',
  );
  expect(hasDefault).toEqual([]);
  expect(variables.filter(({ kind }) => kind === 'plain')).toEqual([]);
});

test('When the secrets are made by the script, then nothing that a file requires is missing', () => {
  const required = FILES.flatMap((path) => variablesOf(readFileSync(join(ROOT, path), 'utf8')))
    .filter(({ kind }) => kind === 'required')
    .map(({ name }) => name);
  expect([...new Set(required)].filter((name) => !secrets[name])).toEqual([]);
  expect(newSecrets().PRINCIPAL_SECRET).not.toBe(secrets.PRINCIPAL_SECRET);
});

/** What a service listens on inside its container. */
const PORTS: Readonly<Record<string, string>> = { mariadb: '3306', redis: '6379', kafka: '9092', temporal: '7233' };
const portOf = (name: string): string | undefined => PORTS[name] ?? base.services[name]?.environment?.PORT?.toString();

test('When a process is told an address, then that container listens there', () => {
  const wrong = ours(base).flatMap(([name, service]) =>
    Object.entries(environmentOf(service, secrets)).flatMap(([variable, value]) =>
      [...value.matchAll(/(?:^|\/\/|@|,)([a-z][a-z-]*):(\d+)(?![\w@])/g)]
        .filter(([, host = '', port]) => portOf(host) !== port)
        .map(([found]) => `${name} ${variable}: ${found}`),
    ),
  );
  expect(wrong).toEqual([]);
});

test.each([
  ['gateway', 'PUBLIC_URL', '8080'],
  ['sandbox', 'SANDBOX_URL', '8090'],
  ['temporal', 'TEMPORAL_UI_URL', '8233'],
] as const)('When people open what %s publishes, then links lead there', (name, variable, inside) => {
  const env = { ...secrets, GATEWAY_PORT: '18080', SANDBOX_PORT: '18090', TEMPORAL_UI_PORT: '18233' };
  const [, outside, target] = interpolate(base.services[name]?.ports?.[0] ?? '', env).split(':');
  expect(target).toBe(inside);
  const links = processes.map(([, service]) => environmentOf(service, env)[variable]);
  expect(new Set(links.filter(Boolean))).toEqual(new Set([`http://127.0.0.1:${outside}`]));
});
