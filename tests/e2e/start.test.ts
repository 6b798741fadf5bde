/** `npm start` as its user meets it: the printed lines, two instances, deaths, a killed launcher, an ordered stop. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { until } from '../support/until';
import { createOwnStack, type OwnStack } from './support/own-stack';
import { type Buyer, createShop, type Shop, send } from './support/shop';

const IN_FLIGHT_MAX = 8;
const BACKLOG_MAX = 12;
const REFUSED = 5;
const STOCK = 100;
const SERVERS = ['mariadb', 'redis', 'kafka', 'temporal'];

let stack: OwnStack;
let shop: Shop;
let buyer: Buyer;

const connect = (): Shop =>
  createShop({
    gateway: stack.part('gateway').url ?? '',
    sandbox: stack.part('sandbox').url ?? '',
    admin: stack.credentials().admin,
  });

beforeAll(async () => {
  stack = createOwnStack({
    CHECKOUT_IN_FLIGHT_MAX: String(IN_FLIGHT_MAX),
    CHECKOUT_BACKLOG_MAX: String(BACKLOG_MAX),
    CHECKOUT_GROUP_MAX: '4',
    RATE_LIMIT_PER_MINUTE: '1000000',
    SWEEP_EVERY_MS: '5000',
  });
  await stack.start(['--scale', 'orders=2']);
  shop = connect();
  buyer = await shop.signUp();
}, 330_000);
afterAll(() => stack.destroy(), 120_000);

/** units of a product that can be bought, as the gate sees it */
const availableOf = async (productId: string): Promise<number> =>
  (await send<{ available: number }>('GET', `${shop.gateway}/v1/products/${productId}/stock`)).body.available;

async function untilAll(orders: readonly { orderId: string }[], status: string): Promise<void> {
  const statusOf = async (orderId: string): Promise<string> => {
    const { token } = buyer;
    return (await send<{ status: string }>('GET', `${shop.gateway}/v1/checkouts/${orderId}`, { token })).body.status;
  };
  for (const { orderId } of orders) {
    const deadline = { within: 60_000, what: `${orderId} to be ${status}` };
    await until(async () => (await statusOf(orderId)) === status, deadline);
  }
}

/** Requests that an instance has answered by its own count. */
async function servedBy(part: string): Promise<number> {
  const text = await (await fetch(`${stack.part(part).url}/metrics`)).text();
  return [...text.matchAll(/^http_request_duration_seconds_count\{[^}]*operation="listOrders"[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

/** Reads the buyer's orders without a pause while `act` runs. @returns how many reads, and what went wrong */
async function underReads(act: () => Promise<void>) {
  let goesOn = true;
  let reads = 0;
  const failures: string[] = [];
  const read = async (): Promise<void> => {
    while (goesOn) {
      await send('GET', `${shop.gateway}/v1/orders`, { token: buyer.token }).then(
        ({ status }) => void (status === 200 || failures.push(String(status))),
        (error: unknown) => failures.push(String(error)),
      );
      reads += 1;
    }
  };
  const readers = Array.from({ length: 6 }, read);
  await act().finally(() => {
    goesOn = false;
  });
  await Promise.all(readers);
  return { reads, failures };
}

/** One look at the file per step: its state and pid belong together. */
const untilBack = (name: string, before: number | null): Promise<boolean> =>
  until(
    () => {
      const { state, pid } = stack.part(name);
      return state === 'ready' && pid !== null && pid !== before;
    },
    { within: 60_000, what: `${name} to be back` },
  );

test('When the printed lines are run unchanged in bash, and the newest product is sold out, then they end in CONFIRMED', async () => {
  await shop.createProduct({ stock: 0 });
  const [, lines = ''] = /Buy something \(paste into bash\):\n\n([\s\S]+?)\n\n/.exec(stack.output()) ?? [];
  const { stdout } = await promisify(execFile)('bash', ['-c', lines], { timeout: 60_000 });
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { status: string };
  expect(last.status).toBe('CONFIRMED');
});

test('When it is scaled to two, then both instances of orders are registered and serve', async () => {
  const { body } = await send<{ items: { service: string; url: string }[] }>('GET', `${shop.gateway}/v1/registry`, {
    token: await shop.admin(),
  });
  expect(
    body.items
      .filter(({ service }) => service === 'orders')
      .map(({ url }) => url)
      .sort(),
  ).toEqual([stack.part('services').url, stack.part('services-orders-2').url].sort());

  const before = [await servedBy('services'), await servedBy('services-orders-2')];
  await underReads(async () => {
    await until(async () => (await servedBy('services')) > (before[0] ?? 0) + 20, { within: 30_000, what: 'reads' });
  });
  expect(await servedBy('services-orders-2')).toBeGreaterThan((before[1] ?? 0) + 5);
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'When an instance gets %s under reads, then no read fails and the launcher starts it again',
  async (signal) => {
    const { pid } = stack.part('services-orders-2');
    const { reads, failures } = await underReads(async () => {
      stack.signalPart('services-orders-2', signal);
      await untilBack('services-orders-2', pid);
    });
    expect(failures).toEqual([]);
    expect(reads).toBeGreaterThan(20);
    expect(stack.output()).toContain('services-orders-2 died');
  },
  90_000,
);

test('When the checkout worker stands still, then the bound is started, the backlog fills, the rest is told 503, and all can be paid or cancelled once it goes on', async () => {
  const productId = await shop.createProduct({ stock: STOCK });
  stack.signalPart('checkout', 'SIGSTOP');
  const accepted: { orderId: string; amount: number }[] = [];
  const refused: { code: string; retryAfter: string | null }[] = [];
  try {
    while (refused.length < REFUSED && accepted.length < 90) {
      const answer = await shop.checkout<{ orderId: string; amount: number; code: string }>(buyer, [
        { productId, quantity: 1 },
      ]);
      if (answer.status === 202) accepted.push(answer.body);
      else refused.push({ code: answer.body.code, retryAfter: answer.headers.get('retry-after') });
    }
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['backlog_full']));
    expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
    // Exactly the bound is started, and nothing of the refused remains.
    const claimed = 'SELECT COUNT(*) FROM orders WHERE status = "QUEUED" AND owner IS NOT NULL';
    await until(async () => (await stack.count(claimed)) >= IN_FLIGHT_MAX, { within: 10_000, what: 'the claims' });
    expect(await stack.count(claimed)).toBe(IN_FLIGHT_MAX);
    expect(await stack.count(`SELECT held FROM stock WHERE product_id = '${productId}'`)).toBe(accepted.length);
    expect(accepted.length).toBeGreaterThanOrEqual(BACKLOG_MAX);
    // One buyer at a time, over two instances: the line is as long as it may be, and not one order longer.
    expect(accepted.length).toBeLessThanOrEqual(IN_FLIGHT_MAX + BACKLOG_MAX);
    expect(await availableOf(productId)).toBe(STOCK - accepted.length);
  } finally {
    stack.signalPart('checkout', 'SIGCONT');
  }
  await untilAll(accepted, 'PENDING_PAYMENT');
  expect(await availableOf(productId)).toBe(STOCK - accepted.length);

  for (const { orderId } of accepted) {
    const key = randomUUID();
    const isCancelled = async () => (await shop.cancel(buyer, orderId, key)).status === 200;
    await until(isCancelled, { within: 30_000, what: `the cancel of ${orderId}` });
  }
  await untilAll(accepted, 'CANCELLED');
  await until(async () => (await availableOf(productId)) === STOCK, { within: 30_000, what: 'the stock to be whole' });
  expect(await stack.count(`SELECT held + sold FROM stock WHERE product_id = '${productId}'`)).toBe(0);
}, 180_000);

test('When Redis is wiped and nobody rebuilds, then the sale pauses with 503 and no trace, and the same key buys after it', async () => {
  const productId = await shop.createProduct({ stock: 3 });
  const key = randomUUID();
  const buy = () =>
    shop.checkout<{ code: string; orderId: string }>(buyer, [{ productId, quantity: 1 }], {
      headers: { 'idempotency-key': key },
    });
  const rows = `SELECT COUNT(*) FROM orders WHERE idempotency_key = '${key}'`;
  stack.signalPart('gate', 'SIGSTOP');
  const redis = new Redis(stack.part('redis').url ?? '');
  try {
    await redis.flushall();
    const paused = await buy();
    expect(paused).toMatchObject({ status: 503, body: { code: 'gate_rebuilding' } });
    expect(Number(paused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await stack.count(rows)).toBe(0);
  } finally {
    stack.signalPart('gate', 'SIGCONT');
    redis.disconnect();
  }
  const bought = await until(async () => [await buy()].find(({ status }) => status === 202), {
    within: 60_000,
    what: 'the sale to go on',
  });
  expect(await stack.count(rows)).toBe(1);
  expect([bought?.status, await availableOf(productId)]).toEqual([202, 2]);
}, 120_000);

test('When the launcher is killed, then the next start ends what it left and finds everything as it was', async () => {
  const before = stack.births().parts;
  const password = stack.credentials().admin.password;
  await stack.killLauncher();
  expect(stack.alive(stack.births())).toContain('mariadb');

  await stack.start();
  shop = connect();
  expect(stack.output()).toContain('ended what an earlier start had left');
  const now = stack.births().parts;
  expect(Object.keys(now)).not.toContain('services-orders-2');
  for (const [name, birth] of Object.entries(before)) expect([name, now[name]]).not.toEqual([name, birth]);
  expect(stack.credentials().admin.password).toBe(password);

  const orders = await send<{ items: { status: string }[] }>('GET', `${shop.gateway}/v1/orders?limit=100`, {
    token: buyer.token,
  });
  expect(orders.body.items.length).toBeGreaterThanOrEqual(BACKLOG_MAX);
  const products = await send<{ items: { name: string }[] }>('GET', `${shop.gateway}/v1/products?limit=100`);
  expect(products.body.items.filter(({ name }) => name === 'Enamel mug')).toHaveLength(1);
}, 330_000);

test('When npm is told to stop, then every process of the stack ends, each of ours in good order', async () => {
  const births = stack.births();
  expect(stack.alive(births)).toHaveLength(stack.partNames().length + 1);
  await stack.stop();
  expect(stack.alive(births)).toEqual([]);
  expect(stack.output()).toContain('stopped');
  expect(stack.launcher()).toBeNull();
  // Each of ours drained and released before its end: none was cut off because a server went first.
  for (const name of stack.partNames().filter((each) => !SERVERS.includes(each))) {
    expect([name, stack.lastLine(name)]).toEqual([name, expect.stringContaining('"msg":"stopped"')]);
  }
}, 120_000);
