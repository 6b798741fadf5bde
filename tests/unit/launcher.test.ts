/** What the launcher decides before anything runs: ports, credentials, environment, arguments. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { readConfig } from '../../infra/process/config';
import { parseArguments } from '../../stack/launcher/arguments';
import { type Login, loadCredentials } from '../../stack/launcher/credentials';
import { createHome, type Home, readJson, writeJson } from '../../stack/launcher/home';
import { assertHandedOn, partsOf, portNames, type StackPlan } from '../../stack/launcher/plan';
import { choosePorts } from '../../stack/launcher/ports';
import { entryEnv } from '../../stack/run-entry';
import { DEMO_PRODUCTS, idsOnSale, seedShop } from '../../stack/seed-shop';

const ROOT = path.resolve(__dirname, '..', '..');

let dir: string;
let home: Home;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-home-'));
  home = createHome(ROOT, { FIRSTCOME_HOME: dir });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const occupy = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });

async function planWith(env: Record<string, string>, scale: StackPlan['scale'] = {}): Promise<StackPlan> {
  const { ports } = await choosePorts(home, portNames(scale), {});
  return { home, ports, credentials: await loadCredentials(home), scale, env };
}
const partOf = (plan: StackPlan, name: string) => {
  const part = partsOf(plan).find((each) => each.name === name);
  if (!part) throw new Error(`no part ${name}`);
  return part;
};

test('When a stack starts again, then it keeps its ports; a busy one moves and is named', async () => {
  const names = ['gateway', 'redis'];
  const first = await choosePorts(home, names, {});
  expect((await choosePorts(home, names, {})).ports).toEqual(first.ports);

  const other = await occupy(first.ports.gateway ?? 0);
  try {
    const { ports, moved } = await choosePorts(home, names, {});
    expect(moved).toEqual(['gateway']);
    expect(ports.gateway).not.toBe(first.ports.gateway);
    expect(ports.redis).toBe(first.ports.redis);
    expect(readJson(home.at('ports.json'))).toEqual(ports);
  } finally {
    await new Promise((resolve) => other.close(resolve));
  }
});

test('When a stack is new, then its credentials are random, kept, and readable by their owner only', async () => {
  const made = await loadCredentials(home);
  expect(await loadCredentials(home)).toEqual(made);
  expect(statSync(home.at('credentials.json')).mode & 0o077).toBe(0);
  const other = await loadCredentials(createHome(ROOT, { FIRSTCOME_HOME: path.join(dir, 'other') }));
  const secrets = [made, other].flatMap((each) => [
    ...[each.mysql.password, each.principalSecret, each.ticketSecret, each.provider.secretKey, each.admin.password],
    ...[each.tokens.privateKey.d, ...each.members.map(({ password }) => password)],
  ]);
  expect(new Set(secrets).size).toBe(secrets.length);
  expect(JSON.stringify(made.tokens.publicKeys)).not.toContain(`"d"`);
});

test('When a state file is half-written, then it counts as absent; writing replaces it whole', () => {
  writeFileSync(home.at('pids.json'), '{"launcher": {"pid": 1');
  expect(readJson(home.at('pids.json'))).toBeNull();
  writeJson(home.at('pids.json'), { launcher: null });
  expect(readJson(home.at('pids.json'))).toEqual({ launcher: null });
});

test('When the user sets limits or the provider, then they win; addresses left in the shell do not', async () => {
  const plan = await planWith({
    CHECKOUT_GROUP_MAX: '1',
    PROVIDER_URL: 'https://api.example.com',
    MYSQL_URL: 'mysql://somebody@elsewhere/else',
    SERVICES: 'orders',
    PORT: '1',
    UNRELATED: 'x',
  });
  const { env } = partOf(plan, 'services');
  expect(env).toMatchObject({ CHECKOUT_GROUP_MAX: '1', PROVIDER_URL: 'https://api.example.com' });
  expect(env.MYSQL_URL).toContain(`127.0.0.1:${plan.ports.mariadb}/`);
  expect(env.PORT).toBe(String(plan.ports.services));
  expect(env).not.toHaveProperty('SERVICES');
  expect(env).not.toHaveProperty('UNRELATED');
  expect(readConfig(['MYSQL_URL', 'REDIS_URL', 'KAFKA_BROKERS', 'PRINCIPAL_SECRET'], env)).toBeTruthy();
});

test('When the shell has settings of another system, then none of them reaches ours', async () => {
  const foreign = {
    TEMPORAL_ADDRESS: 'somebody.tmprl.cloud:7233',
    TEMPORAL_NAMESPACE: 'somebody',
    TEMPORAL_API_KEY: 'key',
    REGISTRY: 'static',
    REGISTRY_STATIC: 'orders=http://elsewhere:1',
    ADVERTISED_URL: 'http://elsewhere:1',
    SHOP: 'x',
  };
  const plain = partsOf(await planWith({}));
  const parts = partsOf(await planWith(foreign));
  expect(parts.map(({ env }) => env)).toEqual(plain.map(({ env }) => env));
  // What audits and loads look at is what runs.
  await loadCredentials(home);
  const env = await entryEnv(home, [], { ...foreign, UNRELATED: 'x' });
  expect(env).toMatchObject({ UNRELATED: 'x', TEMPORAL_ADDRESS: expect.stringMatching(/^127/) });
  for (const name of ['TEMPORAL_NAMESPACE', 'TEMPORAL_API_KEY', 'SHOP']) expect(env).not.toHaveProperty(name);
});

test('When settings in the shell are not valid, then all are named that would reach a process, and only these', () => {
  const ignored = { MYSQL_URL: 'nowhere', PORT: 'abc', METRICS_PORT: '-1', REGISTRY: 'none', TICKET_SECRET: 'short' };
  expect(() => assertHandedOn({ ...ignored, CHECKOUT_HOLD_MS: '' })).not.toThrow();
  const faulty = { CHECKOUT_GROUP_MAX: 'abc', PAYMENT_ATTEMPTS: '0', PROVIDER_URL: 'elsewhere' };
  const namesOf = (text: string) => text.match(/[A-Z_]+(?=: not valid)/g);
  try {
    assertHandedOn({ ...ignored, ...faulty });
  } catch (error) {
    expect(namesOf(String(error))).toEqual(Object.keys(faulty));
  }
  expect.assertions(2);
});

test('When the provider is not our sandbox, then its payment page stays out of answers, whatever the shell says', async () => {
  const demo = async (env: Record<string, string>) => partOf(await planWith(env), 'services').env.DEMO;
  expect(await demo({})).toBe('true');
  expect(await demo({ DEMO: 'false' })).toBe('false');
  expect(await demo({ PROVIDER_URL: 'https://api.example.com' })).toBe('false');
  expect(await demo({ PROVIDER_URL: 'https://api.example.com', DEMO: 'true' })).toBe('false');
});

test('When the user sets the size of connection pools, then the checkout worker follows too', async () => {
  const size = async (env: Record<string, string>) => partOf(await planWith(env), 'checkout').env.MYSQL_POOL_SIZE;
  expect([await size({}), await size({ MYSQL_POOL_SIZE: '7' })]).toEqual(['30', '7']);
});

/** A shop that has these products and knows this log-in, for one test. */
async function withShop(
  has: {
    /** names, newest first */
    readonly products: readonly string[];
    readonly idOf?: (name: string, place: number) => string;
    readonly admin?: Login;
    readonly sessionsDown?: boolean;
  },
  work: (gateway: string, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const shop = createHttpServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://shop');
    asked.push(`${request.method} ${pathname}`);
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (pathname === '/v1/products') {
      const from = Number(searchParams.get('cursor') ?? 0);
      const to = from + Number(searchParams.get('limit'));
      const idOf = has.idOf ?? ((name: string) => `id of ${name}`);
      const items = has.products.map((name, place) => ({ name, productId: idOf(name, place) })).slice(from, to);
      return answer(200, { items, nextCursor: to < has.products.length ? String(to) : null });
    }
    if (has.sessionsDown) return answer(503, { code: 'unavailable' });
    const isKnown = (await text(request)) === JSON.stringify(has.admin);
    return isKnown ? answer(201, { accessToken: 'token' }) : answer(401, { code: 'invalid_credentials' });
  });
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(shop.address() as AddressInfo).port}`, asked);
  } finally {
    await new Promise((resolve) => shop.close(resolve));
  }
}

test('When loads have put hundreds of products before them, then the seed finds its own, page after page', async () => {
  const loads = Array.from({ length: 250 }, (_, index) => `Load ${index}`);
  await withShop({ products: [...loads, 'Linen shirt', 'Canvas bag'] }, async (gateway, asked) => {
    const found = async (wanted: string[]) => Object.fromEntries(await idsOnSale(gateway, wanted));
    expect(await found(['Linen shirt', 'Canvas bag'])).toEqual({
      'Linen shirt': 'id of Linen shirt',
      'Canvas bag': 'id of Canvas bag',
    });
    expect(await found(['Linen shirt', 'Enamel mug'])).toEqual({ 'Linen shirt': 'id of Linen shirt' });
    expect(asked).toHaveLength(6);
  });
});

test('When the user has sold something of the same name since, then the lines to try still buy the demo product', async () => {
  const names = [...DEMO_PRODUCTS].reverse().map(({ name }) => name);
  const [demo = ''] = names.slice(-1);
  const admin: Login = { username: 'admin', password: 'of today' };
  const idOf = (name: string, place: number): string => `${name} at ${place}`;
  await withShop({ products: [demo, ...names], admin, idOf }, async (gateway) => {
    const productId = await seedShop({ gateway, admin, members: [], createAdmin: jest.fn() });
    expect(productId).toBe(idOf(demo, names.length));
  });
});

describe('When all products are on sale', () => {
  const products = DEMO_PRODUCTS.map(({ name }) => name);
  const admin: Login = { username: 'admin', password: 'of today' };
  const seed = async (gateway: string, createAdmin: (login: Login) => Promise<unknown>) =>
    seedShop({ gateway, admin, members: [], createAdmin });

  test('and the admin has got another password, then the account is given it, and nothing else happens', async () => {
    const shop = { products, admin: { ...admin, password: 'of yesterday' } };
    await withShop(shop, async (gateway, asked) => {
      await seed(gateway, async (login) => {
        shop.admin = login;
      });
      expect(shop.admin).toEqual(admin);
      expect(asked.filter((each) => each !== 'GET /v1/products')).toEqual(['POST /v1/sessions', 'POST /v1/sessions']);
    });
  });

  test('and the admin can log in, then the account is left alone', async () => {
    const createAdmin = jest.fn();
    await withShop({ products, admin }, async (gateway) => {
      await seed(gateway, createAdmin);
    });
    expect(createAdmin).not.toHaveBeenCalled();
  });

  test('and nobody can log in just now, then the seed says so, and the account is left alone', async () => {
    const createAdmin = jest.fn();
    await withShop({ products, sessionsDown: true }, async (gateway) => {
      await expect(seed(gateway, createAdmin)).rejects.toThrow('log-in of the admin answered 503');
    });
    expect(createAdmin).not.toHaveBeenCalled();
  });
});

test('When the table is shown, then every part has an address, and none a password', async () => {
  const plan = await planWith({});
  const parts = partsOf(plan);
  expect(parts.filter(({ url }) => !url).map(({ name }) => name)).toEqual([]);
  const { mariadb, redis, kafka } = plan.ports;
  expect(['mariadb', 'redis', 'kafka'].map((name) => partOf(plan, name).url)).toEqual([
    `mariadb://127.0.0.1:${mariadb}`,
    `redis://127.0.0.1:${redis}`,
    `127.0.0.1:${kafka}`,
  ]);
});

test('When a load goes to another system, then nothing of ours goes with it; to our own by its URL, all of it', async () => {
  const { ports } = await planWith({});
  const { admin } = await loadCredentials(home);
  const shell = { PATH: '/bin', ADMIN_PASSWORD: 'theirs', MYSQL_URL: 'mysql://their@own/store' };
  const own = `http://127.0.0.1:${ports.gateway}`;
  for (const argv of [
    ['--url', 'https://shop.example.com'],
    ['--buyers', '5', '--url=https://shop.example.com'],
    ['--url', own, '--url', 'https://shop.example.com'],
  ]) {
    expect(await entryEnv(home, argv, shell)).toEqual({ ...shell, FIRSTCOME_HOME: home.dir });
  }
  for (const argv of [[], ['--url', own], [`--url=${own}/`]]) {
    const env = await entryEnv(home, argv, shell);
    expect(env).toMatchObject({ ADMIN_PASSWORD: admin.password, PUBLIC_URL: own });
    expect(env.MYSQL_URL).toContain(`127.0.0.1:${ports.mariadb}/`);
  }
});

test('When parts are planned, then only those that run members are given the key that signs tokens', async () => {
  const plan = await planWith({}, { members: 2, orders: 2 });
  const given = partsOf(plan)
    .filter(({ env }) => env.TOKEN_PRIVATE_KEY !== undefined)
    .map(({ name }) => name);
  expect(given).toEqual(['services', 'services-members-2']);
});

test('When a service is scaled, then its further instances run that service alone', async () => {
  const { scale } = parseArguments(['--scale', 'orders=3,carts=2']);
  const plan = await planWith({}, scale);
  const instances = partsOf(plan).filter(({ name }) => name.startsWith('services-'));
  expect(instances.map(({ name, env }) => [name, env.SERVICES])).toEqual([
    ['services-carts-2', 'carts'],
    ['services-orders-2', 'orders'],
    ['services-orders-3', 'orders'],
  ]);
});
