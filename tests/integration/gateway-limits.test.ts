/** How much one client may ask: requests a minute, and wrong passwords. */
import { Problem } from '../../domain/errors';
import { createId } from '../../domain/ids';
import { createGuessLimiter } from '../../gateway/limits';
import { createExpressApp } from '../../infra/http/express-app';
import { listen } from '../../infra/http/listen';
import { useProblems } from '../../infra/http/service-app';
import { createLogger } from '../../infra/process/logger';
import { CHECKOUT, connectRedis } from '../../infra/redis/connection';
import { startOwnRedis, testServers, uniqueName } from '../support/servers';
import { until } from '../support/until';
import { startEdge } from './support/edge';

async function send(path: string, init: RequestInit, base: string) {
  const response = await fetch(base + path, init);
  const body = (await response.json()) as { readonly code?: string };
  return { status: response.status, headers: response.headers, body };
}
const json = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Counters are of a minute of the clock: waits until that much of one is left. */
const secondsOfMinuteLeft = (seconds: number): Promise<unknown> =>
  until(() => 60 - ((Date.now() / 1_000) % 60) > seconds, { within: 20_000, what: 'the next minute' });

/** An edge of its own, so with counters of its own, where three wrong passwords a minute are too many. */
async function whileGuarded(
  use: (enter: (password: string) => ReturnType<typeof send>, right: string, url: string) => Promise<void>,
) {
  const guarded = await startEdge({ redisUrl: testServers().redis, gateway: { LOGIN_FAILURES_PER_MINUTE: 3 } });
  try {
    await guarded.startMembers();
    const { url } = await guarded.startGateway();
    await until(async () => (await send('/v1/sessions', json('POST', {}), url)).status === 400, {
      within: 5_000,
      what: 'members is routed',
    });
    const login = { username: createId('mem').slice(4), password: 'correct horse battery' };
    expect((await send('/v1/members', json('POST', login), url)).status).toBe(201);
    await secondsOfMinuteLeft(15);
    await use((password) => send('/v1/sessions', json('POST', { ...login, password }), url), login.password, url);
  } finally {
    await guarded.stop();
  }
}

test('When somebody guesses passwords, then no more are looked at for that minute; right ones are not counted', () =>
  whileGuarded(async (enter, password, url) => {
    const right = [await enter(password), await enter(password), await enter(password)];
    const wrong = [await enter('a guess'), await enter('another one'), await enter('a third one')];
    const late = await enter('a fourth one');

    expect(right.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(wrong.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(late).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await enter(password)).status).toBe(429);
    expect((await send('/v1/products', {}, url)).status).not.toBe(429);
  }));

test('When somebody guesses many passwords at once, then only so many are looked at: what is under way is not counted yet', async () => {
  const redis = connectRedis(testServers().redis, CHECKOUT);
  let looked = 0;
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const app = createExpressApp();
  app.use(createGuessLimiter({ redis, shop: uniqueName('guesses'), perMinute: 3 }), async () => {
    looked += 1;
    await answered;
    throw new Problem('invalid_credentials');
  });
  useProblems(app, createLogger('test', 'silent'));
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  try {
    const statuses: number[] = [];
    const guesses = Array.from({ length: 160 }, async () => {
      const { status } = await fetch(server.url);
      statuses.push(status);
    });
    await until(() => looked + statuses.length === 160, { within: 20_000, what: 'all are let in or refused' });
    expect(new Set(statuses)).toEqual(new Set([429]));
    expect(looked).toBe(100);
    answer();
    await Promise.all(guesses);
    // The places are free again, and now they are counted.
    expect((await fetch(server.url)).status).toBe(429);
    expect(looked).toBe(100);
  } finally {
    await server.close();
    redis.disconnect();
  }
});

test('When somebody asks too often, then 429 with Retry-After; with Redis away, too', async () => {
  const redis = await startOwnRedis();
  const small = await startEdge({ redisUrl: redis.url, perMinute: 5 });
  try {
    await small.startStandIn(['products']);
    const { url } = await small.startGateway();
    const ask = async (count: number) => {
      const answers = [];
      for (let i = 0; i < count; i += 1) answers.push(await send('/v1/products', {}, url));
      return answers;
    };
    const answers = await ask(12);
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    expect(Number(limited[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(limited[0]?.body.code).toBe('rate_limited');
    await redis.stop();
    const without = await ask(8);
    expect(without.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(without.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    expect(without.filter(({ status }) => status >= 500)).toEqual([]);
  } finally {
    await small.stop();
    await redis.destroy();
  }
});
