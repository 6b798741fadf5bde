/** All parts of a stack: the four servers, the sandbox, and every process of ours, with the environment each needs. */
import path from 'node:path';
import { SERVICE_NAMES, type ServiceName } from '../../domain/names';
import { readConfig, type SettingName, settings } from '../../infra/process/config';
import { kafkaBrokers, kafkaSpec } from '../servers/kafka';
import { type MariadbPlace, mariadbSpec, mariadbUrl, socketOf } from '../servers/mariadb';
import { redisSpec, redisUrl } from '../servers/redis';
import type { ServerPlace } from '../servers/server-spec';
import { temporalAddress, temporalSpec, temporalUiUrl } from '../servers/temporal';
import type { Credentials } from './credentials';
import type { Home } from './home';
import { nodeCommand } from './node-command';
import type { PartSpec } from './part';
import { type Ports, portOf } from './ports';
import { answersOk } from './readiness';

export interface StackPlan {
  readonly home: Home;
  readonly ports: Ports;
  readonly credentials: Credentials;
  /** further instances per service */
  readonly scale: Readonly<Partial<Record<ServiceName, number>>>;
  /** the environment of the launcher: settings in it (limits, provider, log level) win over what is decided here */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const WORKERS = ['checkout', 'dispatcher', 'relay', 'consumers', 'gate'] as const;
/** Names of parts that listen, besides scaled instances. */
const LISTENERS = [
  'mariadb',
  'redis',
  'kafka',
  'kafkaController',
  'temporal',
  'temporalUi',
  'sandbox',
  'gateway',
  'gatewayMetrics',
  'services',
];

export const DATABASE = 'firstcome';
const URL_HOST = 'http://127.0.0.1';

/** `services-orders-2`, `services-orders-3`, … */
export const scaledNames = (scale: StackPlan['scale']): { name: string; service: ServiceName }[] =>
  SERVICE_NAMES.flatMap((service) =>
    Array.from({ length: Math.max(0, (scale[service] ?? 1) - 1) }, (_, i) => ({
      name: `services-${service}-${i + 2}`,
      service,
    })),
  );

export const portNames = (scale: StackPlan['scale']): string[] => [
  ...LISTENERS,
  ...WORKERS,
  ...scaledNames(scale).map(({ name }) => name),
];

/** Fetched programs are shared by every stack of this clone. */
export const toolsOf = (home: Home): string => path.join(home.root, '.firstcome', 'tools');

export interface Places {
  readonly mariadb: MariadbPlace;
  readonly redis: ServerPlace;
  readonly kafka: ServerPlace & { readonly controllerPort: number; readonly jars: string };
  readonly temporal: ServerPlace & { readonly uiPort: number; readonly tools: string };
}

export function placesOf({ home, ports, credentials }: Pick<StackPlan, 'home' | 'ports' | 'credentials'>): Places {
  const place = (name: string): ServerPlace => ({
    dir: home.at('data', name),
    port: portOf(ports, name),
    log: home.at('logs', `${name}.log`),
  });
  return {
    mariadb: { ...place('mariadb'), ...credentials.mysql },
    redis: place('redis'),
    kafka: {
      ...place('kafka'),
      controllerPort: portOf(ports, 'kafkaController'),
      jars: path.join(toolsOf(home), 'kafka'),
    },
    temporal: { ...place('temporal'), uiPort: portOf(ports, 'temporalUi'), tools: toolsOf(home) },
  };
}

/** Settings every process of ours may read; see infra/process/config.ts. */
export function commonEnv(plan: StackPlan): Record<string, string> {
  const { ports, credentials } = plan;
  const places = placesOf(plan);
  const sandbox = `${URL_HOST}:${portOf(ports, 'sandbox')}`;
  const gateway = `${URL_HOST}:${portOf(ports, 'gateway')}`;
  return {
    MYSQL_URL: mariadbUrl(places.mariadb, DATABASE),
    // Half the cost of a statement over loopback TCP; see docs/performance.md.
    MYSQL_SOCKET: socketOf(places.mariadb.dir),
    REDIS_URL: redisUrl(places.redis),
    KAFKA_BROKERS: kafkaBrokers(places.kafka),
    KAFKAJS_NO_PARTITIONER_WARNING: '1',
    TEMPORAL_ADDRESS: temporalAddress(places.temporal),
    TEMPORAL_UI_URL: temporalUiUrl(places.temporal),
    TOKEN_PUBLIC_KEYS: JSON.stringify(credentials.tokens.publicKeys),
    PRINCIPAL_SECRET: credentials.principalSecret,
    TICKET_SECRET: credentials.ticketSecret,
    PROVIDER_URL: sandbox,
    PROVIDER_SECRET_KEY: credentials.provider.secretKey,
    PROVIDER_CLIENT_KEY: credentials.provider.clientKey,
    SANDBOX_URL: sandbox,
    SANDBOX_WEBHOOK_URL: `${gateway}/v1/webhooks/toss`,
    PUBLIC_URL: gateway,
    DEMO: 'true',
  };
}

/**
 * Decided by the launcher alone, whatever somebody's shell says: a MYSQL_URL left over there must not lead us to a foreign
 * database, nor an API key our own server; and with a SHOP of its own for one command, the next would look at another shop.
 */
export const LAUNCHERS_OWN: readonly string[] = [
  ...['MYSQL_URL', 'MYSQL_SOCKET', 'REDIS_URL', 'SHOP', 'KAFKA_BROKERS', 'SERVICES', 'ADVERTISED_URL'],
  ...['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_API_KEY', 'TEMPORAL_UI_URL', 'REGISTRY', 'REGISTRY_STATIC'],
  ...['TOKEN_PRIVATE_KEY', 'TOKEN_PUBLIC_KEYS', 'PRINCIPAL_SECRET', 'TICKET_SECRET'],
  ...['HOST', 'PORT', 'METRICS_PORT', 'INSTANCE_ID', 'SANDBOX_DIR'],
];
/** What processes and jobs of ours take from the user's shell. */
const HANDED_ON = (Object.keys(settings) as SettingName[]).filter((name) => !LAUNCHERS_OWN.includes(name));
const OF_THE_SYSTEM = ['PATH', 'HOME', 'LANG', 'TZ', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'];

/**
 * Each process would refuse these by itself, in its log, and be started again: the user is told once, before anything starts.
 * @throws ConfigError naming every faulty variable of the shell that would be handed on
 */
export function assertHandedOn(shell: StackPlan['env']): void {
  readConfig(HANDED_ON, shell);
}

/** What processes and jobs of ours see: the plan's settings, and over them what the user has set before `npm start`. */
export function ownEnv(plan: StackPlan): Record<string, string> {
  const set = [...OF_THE_SYSTEM, ...HANDED_ON].flatMap((name): [string, string][] => {
    const value = plan.env[name];
    return value ? [[name, value]] : [];
  });
  const common = commonEnv(plan);
  const env = { ...common, ...Object.fromEntries(set) };
  // The sandbox's payment page among the answers of a shop that takes real money would be a way to pay without any.
  return env.PROVIDER_URL === common.PROVIDER_URL ? env : { ...env, DEMO: 'false' };
}

/** Only members signs tokens: nobody else is given the key. */
const signingEnv = ({ credentials }: StackPlan): Record<string, string> => ({
  TOKEN_PRIVATE_KEY: JSON.stringify(credentials.tokens.privateKey),
});

interface OwnPart {
  readonly name: string;
  readonly entry: string;
  readonly layer: number;
  readonly env?: Readonly<Record<string, string>>;
  /** lower priority than what answers buyers: accepting keeps its pace while sagas drain */
  readonly isBackground?: boolean;
}

function ownPart(plan: StackPlan, { name, entry, layer, env = {}, isBackground = false }: OwnPart): PartSpec {
  const { home, ports } = plan;
  const port = portOf(ports, name);
  const node = nodeCommand(path.join(home.root, 'dist', entry));
  const [command = '', ...args] = isBackground ? ['nice', '-n', '10', ...node] : node;
  return {
    name,
    command,
    args,
    layer,
    cwd: home.root,
    url: `${URL_HOST}:${port}`,
    log: home.at('logs', `${name}.log`),
    env: {
      NODE_ENV: 'production',
      NODE_COMPILE_CACHE: path.join(toolsOf(home), 'compiled'),
      ...ownEnv(plan),
      HOST: '127.0.0.1',
      PORT: String(port),
      METRICS_PORT: String(port),
      INSTANCE_ID: name,
      ...env,
    },
    isReady: () => answersOk(`${URL_HOST}:${port}/readyz`),
  };
}

/** Layers: 1 servers, 2 sandbox, 3 gate and checkout worker, 4 services and other workers, 5 gateway (see PartSpec). */
export function partsOf(plan: StackPlan): PartSpec[] {
  const places = placesOf(plan);
  const servers = [
    mariadbSpec(places.mariadb),
    redisSpec(places.redis),
    kafkaSpec(places.kafka),
    temporalSpec(places.temporal),
  ].map((server) => ({ ...server, layer: 1 }));
  const worker = (name: (typeof WORKERS)[number], layer: number): OwnPart => ({
    name,
    entry: `workers/${name}/main.js`,
    layer,
    isBackground: name !== 'gate',
    // One call of a lane carries up to fifty steps, each a transaction of its own.
    ...(name === 'checkout' ? { env: { MYSQL_POOL_SIZE: plan.env.MYSQL_POOL_SIZE || '30' } } : {}),
  });
  const own: OwnPart[] = [
    { name: 'sandbox', entry: 'sandbox/main.js', layer: 2, env: { SANDBOX_DIR: plan.home.folder('data', 'sandbox') } },
    worker('gate', 3),
    worker('checkout', 3),
    worker('dispatcher', 4),
    worker('relay', 4),
    worker('consumers', 4),
    { name: 'services', entry: 'api/main.js', layer: 4, env: signingEnv(plan) },
    ...scaledNames(plan.scale).map(({ name, service }) => ({
      name,
      entry: 'api/main.js',
      layer: 4,
      env: { SERVICES: service, ...(service === 'members' ? signingEnv(plan) : {}) },
    })),
    {
      name: 'gateway',
      entry: 'gateway/main.js',
      layer: 5,
      // Buyers come in by one door, health and metrics by another.
      env: { METRICS_PORT: String(portOf(plan.ports, 'gatewayMetrics')) },
    },
  ];
  return [...servers, ...own.map((part) => ownPart(plan, part))];
}
