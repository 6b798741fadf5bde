/**
 * Every setting of every process, in one registry: name, what it means, format, default.
 * `readConfig` validates the environment once, at start, and names every faulty variable in one error.
 * `.env.example`, the README's configuration table and the compose contract test are made from `settings`.
 */
import { z } from 'zod';
import { SERVICE_NAMES } from '../../domain/names';

interface Setting<T extends z.ZodType> {
  readonly doc: string;
  /** its messages say what would be valid, so that they go on after "expected" */
  readonly schema: T;
  /** True when the value is a secret: never printed, never logged. */
  readonly secret?: boolean;
}

const setting = <T extends z.ZodType>(doc: string, schema: T, secret = false): Setting<T> => ({
  doc,
  schema,
  secret,
});

const integer = (min: number, max = Number.MAX_SAFE_INTEGER) => {
  const expected = `a whole number${max === Number.MAX_SAFE_INTEGER ? `, ${min} or more` : ` from ${min} to ${max}`}`;
  return z.coerce.number(expected).int(expected).min(min, expected).max(max, expected);
};
const oneOf = <const T extends readonly string[]>(options: T) => z.enum(options, `one of ${options.join(', ')}`);
const flag = oneOf(['true', 'false']).transform((text) => text === 'true');
const url = () => z.url('a URL with its scheme');
const secretText = () => z.string().min(43, 'at least 43 characters: 32 bytes as base64url');
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

const parsedAs =
  (schema: z.ZodType) =>
  (text: string): boolean => {
    try {
      return schema.safeParse(JSON.parse(text)).success;
    } catch {
      return false;
    }
  };
const isJwk = parsedAs(z.looseObject({ kty: z.string() }));
const isJwkSet = parsedAs(z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }));

/** `orders=http://a:1|http://b:1,payments=…`: infra/registry/instance.ts reads it. */
const isStaticRegistry = (text: string): boolean =>
  text
    .split(',')
    .filter(Boolean)
    .every((part) => {
      const [service = '', urls = ''] = part.trim().split(/=(.*)/s);
      return SERVICE_NAMES.some((name) => name === service) && urls.split('|').every((url) => URL.canParse(url));
    });

/** The registry. Units are in the names: `_MS` milliseconds, `_S` seconds, `_URL` with scheme. */
export const settings = {
  // Where things are
  MYSQL_URL: setting('MariaDB, as mysql://user:password@host:port/database', url(), true),
  MYSQL_SOCKET: setting('MariaDB unix socket; used instead of host and port when set', z.string().optional()),
  MYSQL_POOL_SIZE: setting('connections each process keeps to MariaDB', integer(2, 500).default(10)),
  REDIS_URL: setting('Redis of the gate and the registry, as redis://host:port', url(), true),
  SHOP: setting(
    'shop name: the hash tag of every Redis key',
    z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, '1 to 40 of a-z, 0-9 and -')
      .default('main'),
  ),
  KAFKA_BROKERS: setting('Kafka bootstrap brokers, host:port, comma separated', list),
  KAFKA_TOPIC_PREFIX: setting('put before every topic and consumer group name', z.string().default('')),
  TEMPORAL_ADDRESS: setting('Temporal front end, host:port', z.string()),
  TEMPORAL_NAMESPACE: setting('Temporal namespace', z.string().default('default')),
  TEMPORAL_TASK_QUEUE: setting('task queue of the checkout worker', z.string().default('checkout')),
  TEMPORAL_API_KEY: setting('API key for Temporal Cloud; turns TLS on', z.string().optional(), true),
  TEMPORAL_UI_URL: setting(
    'Web UI base URL, for links in admin answers and logs',
    url().default('http://127.0.0.1:8233'),
  ),

  // This process
  HOST: setting('address to listen on', z.string().default('127.0.0.1')),
  PORT: setting('port to listen on; 0 lets the system choose', integer(0, 65_535).default(0)),
  ADVERTISED_URL: setting(
    'URL under which other processes reach this one; default: the address it listens on',
    url().optional(),
  ),
  INSTANCE_ID: setting('name of this instance in registry and logs; default: random', z.string().optional()),
  SERVICES: setting(
    'services this API process runs, comma separated',
    list.default(['members', 'carts', 'products', 'orders', 'payments']),
  ),
  LOG_LEVEL: setting(
    'pino level',
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  ),
  METRICS_PORT: setting(
    'port of health and metrics in workers; 0 lets the system choose',
    integer(0, 65_535).default(0),
  ),

  // Gateway and registry
  REGISTRY: setting('where gateways find instances: redis, or static', oneOf(['redis', 'static']).default('redis')),
  REGISTRY_STATIC: setting(
    'for REGISTRY=static: orders=http://host:port|http://…,payments=…',
    z
      .string()
      .refine(isStaticRegistry, `service=url|url,…, of ${SERVICE_NAMES.join(', ')}`)
      .optional(),
  ),
  REGISTRY_TTL_MS: setting('an instance without heartbeat for this long is gone', integer(500).default(6_000)),
  RATE_LIMIT_PER_MINUTE: setting(
    'requests a member (or address, before log-in) may send per minute',
    integer(1).default(6_000),
  ),
  LOGIN_FAILURES_PER_MINUTE: setting(
    'wrong passwords that one address may send per minute; above it its log-ins are 429 (behind a proxy set TRUST_PROXY)',
    integer(1).default(30),
  ),
  TRUST_PROXY: setting('hops of trusted proxies before the gateway', integer(0).default(0)),
  GATEWAY_CONNECTIONS: setting(
    'requests that a gateway sends to one instance of a service at once; more stand in line',
    integer(1).default(256),
  ),
  GATEWAY_LINE_MAX: setting(
    'requests of a gateway under way to one instance and in line, above which it answers 503',
    integer(1).default(4_000),
  ),
  GATEWAY_LINE_WAIT_MS: setting(
    'a request that stands in line for this long is answered 503',
    integer(1).default(10_000),
  ),
  GATEWAY_STREAMS_MAX: setting(
    'event streams and `Prefer: wait` a gateway has open to one instance; one connection each',
    integer(1).default(4_000),
  ),
  GATEWAY_STREAMS_PER_CLIENT: setting(
    'event streams and `Prefer: wait` one member (or, by ticket, one order) may have open at a gateway; more are 429',
    integer(1).default(20),
  ),
  PUBLIC_URL: setting('URL of the gateway as buyers see it', url().default('http://127.0.0.1:8080')),

  // Tokens
  TOKEN_PRIVATE_KEY: setting(
    'ES256 private key as JWK JSON: signs access tokens (members service only)',
    z.string().refine(isJwk, 'one JWK as JSON, with kty').optional(),
    true,
  ),
  TOKEN_PUBLIC_KEYS: setting(
    'JWK set JSON of the access token keys (gateway)',
    z.string().refine(isJwkSet, '{"keys": […]} with one JWK or more').optional(),
  ),
  PRINCIPAL_SECRET: setting(
    'base64url, 32 bytes or more: signs the internal principal from gateway to services',
    secretText().optional(),
    true,
  ),
  TICKET_SECRET: setting('base64url, 32 bytes or more: signs event-stream tickets', secretText().optional(), true),
  ACCESS_TOKEN_S: setting('life of an access token', integer(30, 86_400).default(900)),
  REFRESH_TOKEN_S: setting('life of a refresh token', integer(60).default(1_209_600)),

  // Checkout
  CHECKOUT_HOLD_MS: setting('time a buyer has to pay, from PENDING_PAYMENT', integer(1_000).default(300_000)),
  CHECKOUT_GROUP_MAX: setting('orders one workflow may carry; 1 is strict one-to-one', integer(1, 50).default(25)),
  CHECKOUT_IN_FLIGHT_MAX: setting('orders claimed and still QUEUED, at most', integer(1).default(300)),
  CHECKOUT_BACKLOG_MAX: setting(
    'orders QUEUED without owner, above which acceptance answers 503 backlog_full',
    integer(1).default(50_000),
  ),
  ACCEPTANCE_BATCH_MAX: setting('orders one acceptance transaction may carry', integer(1, 128).default(64)),
  PAYMENT_ATTEMPTS: setting('declines an order survives, counting the last', integer(1, 10).default(3)),
  CONFIRM_WAIT_MS: setting('how long a confirm waits for the provider before 202', integer(100, 30_000).default(3_000)),
  WORKER_CACHED_WORKFLOWS: setting(
    'workflows the checkout worker keeps in memory (0.2 MB each)',
    integer(1).default(2_000),
  ),
  SWEEP_EVERY_MS: setting(
    'how often the sweeper looks for orders without a living owner',
    integer(1_000).default(15_000),
  ),
  DRIFT_EVERY_MS: setting('how often the gate worker compares gate and ledger', integer(200).default(3_000)),
  OUTBOX_POLL_MS: setting('how often the relay looks for new outbox rows when idle', integer(10).default(100)),

  // Provider
  PROVIDER_URL: setting('payment provider base URL (Toss Payments: https://api.tosspayments.com)', url().optional()),
  PROVIDER_SECRET_KEY: setting('provider secret key, sent as Basic auth', z.string().optional(), true),
  PROVIDER_CLIENT_KEY: setting(
    'provider client key, handed to the payment widget',
    z.string().default('test_ck_firstcome'),
  ),
  PROVIDER_TIMEOUT_MS: setting(
    'a provider call without answer for this long is UNKNOWN',
    integer(100, 60_000).default(8_000),
  ),

  // Sandbox
  SANDBOX_DIR: setting('folder of the sandbox ledger', z.string().optional()),
  SANDBOX_WEBHOOK_URL: setting('where the sandbox sends webhooks (…/v1/webhooks/toss)', url().optional()),
  SANDBOX_URL: setting('sandbox base URL, for the audit and load scripts', url().optional()),
  DEMO: setting('true puts the sandbox payment page in answers; never on with a real provider', flag.default(false)),
} as const;

export type SettingName = keyof typeof settings;
export type Config = { readonly [N in SettingName]: z.infer<(typeof settings)[N]['schema']> };

/** Exit code of whoever was not configured as it must be (sysexits.h). */
export const EX_CONFIG = 78;

/** A start-up error that lists every faulty variable; entry points print its message and exit with EX_CONFIG. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** The first issue says all: every check of a setting has the same message. */
const expectation = ({ issues }: z.ZodError): string => issues[0]?.message ?? 'another value';

/**
 * Reads the named settings from an environment.
 * @param names settings this process uses; the type of the result holds just these
 * @param env   usually process.env; empty strings count as unset
 * @throws ConfigError naming every missing or malformed variable, and what would be valid; never a value: some are secret
 */
export function readConfig<N extends SettingName>(
  names: readonly N[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Pick<Config, N> {
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const name of names) {
    const raw = env[name];
    const parsed = settings[name].schema.safeParse(raw === '' ? undefined : raw);
    if (parsed.success) values[name] = parsed.data;
    else
      faults.push(
        `${name}: ${raw ? `not valid, expected ${expectation(parsed.error)}` : 'missing'}: ${settings[name].doc}`,
      );
  }
  if (faults.length > 0) throw new ConfigError(`configuration:\n  ${faults.join('\n  ')}`);
  return values as Pick<Config, N>;
}

/** A config in which these are there. */
export type WithSettings<C, N extends keyof C> = C & { readonly [M in N]: NonNullable<C[M]> };

/**
 * Settings without a default are optional in the registry, because not every process needs them. Who does says so here.
 * @returns the same config, of a type in which they are set
 * @throws ConfigError naming all that are missing
 */
export function requireSettings<C extends Partial<Config>, N extends keyof C & SettingName>(
  config: C,
  names: readonly N[],
): WithSettings<C, N> {
  const missing = names.filter((name) => config[name] === undefined);
  if (missing.length > 0) {
    throw new ConfigError(
      `configuration:\n  ${missing.map((name) => `${name}: missing: ${settings[name].doc}`).join('\n  ')}`,
    );
  }
  return config as WithSettings<C, N>;
}
