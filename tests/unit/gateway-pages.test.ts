/** What the gateway shows to people, on an application of its own: no service is asked, and no store. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { PROBLEMS, type ProblemCode, problemMembers } from '../../domain/errors';
import { operations } from '../../domain/operations';
import { createGatewayApp } from '../../gateway/app';
import { type Listening, listen } from '../../infra/http/listen';
import { createLogger } from '../../infra/process/logger';
import { createMetrics } from '../../infra/process/metrics';

const ROOT = path.join(__dirname, '..', '..');
const never = (): never => {
  throw new Error('not asked for by these tests');
};

let gateway: Listening;
beforeAll(async () => {
  const app = createGatewayApp({
    tokens: { verify: never },
    limiter: never,
    guessLimiter: never,
    proxy: never,
    balancer: { all: never, choose: never, refused: never, answered: never, close: never },
    publicKeys: { keys: [] },
    publicUrl: 'http://shop.example',
    trustProxy: 0,
    logger: createLogger('test', 'silent'),
    metrics: createMetrics('test'),
    ready: () => true,
  });
  gateway = await listen(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => gateway.close());

async function get(at: string, init: RequestInit = {}) {
  const response = await fetch(new URL(at, gateway.url), init);
  return { status: response.status, url: response.url, headers: response.headers, text: await response.text() };
}
const filesOf = (html: string): string[] => [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file);

/** Fails on what would be loaded from elsewhere or is not there. */
async function expectComplete(page: { readonly text: string; readonly url: string }): Promise<void> {
  for (const file of filesOf(page.text)) {
    const { status, url } = await get(new URL(file, page.url).href);
    expect({ file, status, origin: new URL(url).origin }).toEqual({ file, status: 200, origin: gateway.url });
  }
}

test('When a person opens /docs, then everything that its page loads is there, at this gateway', async () => {
  const page = await get('/docs');
  expect([page.status, page.url]).toEqual([200, `${gateway.url}/docs/`]);
  expect(page.headers.get('content-type')).toContain('text/html');
  const files = ['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-initializer.js'];
  expect(filesOf(page.text)).toEqual(expect.arrayContaining(files));
  await expectComplete(page);
});

test('When a person opens the page of a problem, then everything that it loads or links to is there', async () => {
  await expectComplete(await get('/problems/sold_out'));
});

test('When the page asks what to show, then it is the contract of this gateway, and no index of the library', async () => {
  const initializer = await get('/docs/swagger-initializer.js');
  expect(initializer.text).toContain("url: '/openapi.json'");
  expect(initializer.text).not.toContain('https:');
  expect((await get('/docs/index.html')).text).toContain('Firstcome');
  const contract = JSON.parse((await get('/openapi.json')).text) as { servers: object[]; paths: object };
  expect(contract.servers).toEqual([{ url: 'http://shop.example' }]);
  expect(Object.keys(contract.paths)).toContain('/v1/checkouts');
});

test("When the library's files are asked for, then browsers keep them long; our own are asked for anew", async () => {
  const { headers } = await get('/docs/swagger-ui-bundle.js', { method: 'HEAD' });
  expect(headers.get('cache-control')).toBe('public, max-age=2592000');
  const { size } = statSync(require.resolve('swagger-ui-dist/swagger-ui-bundle.js'));
  expect(headers.get('content-length')).toBe(String(size));
  for (const own of ['/docs/', '/docs/swagger-initializer.js']) {
    expect((await get(own)).headers.get('cache-control')).toBe('no-cache');
  }
  expect((await get('/docs/nothing.js')).status).toBe(404);
  expect((await get('/docs/..%2fapp.ts')).status).toBe(404);
});

test.each(['/docs/', '/problems/sold_out'])(
  'When %s is opened, then it may load from here and nowhere else',
  async (at) => {
    const policy = (await get(at)).headers.get('content-security-policy') ?? '';
    expect(policy.split(';')).toContain("default-src 'self'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-|upgrade-insecure-requests/);
  },
);

test('When the gateway is built, then nothing of the library is loaded', () => {
  const script = `require('./tests/support/ts-hook.cjs');
    require('./gateway/docs-page').docsRouter();
    console.log(Object.keys(require.cache).filter((file) => file.includes('swagger-ui-dist')).length)`;
  expect(execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' }).trim()).toBe('0');
});

test.each(Object.keys(PROBLEMS) as ProblemCode[])(
  'When a person looks up %s, then its page explains it',
  async (code) => {
    const { status, text } = await get(`/problems/${code}`);
    const [ofProblem, title, explanation] = PROBLEMS[code];
    const shown = text
      .replaceAll(/<\/?code>/g, '`')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');
    expect(status).toBe(200);
    for (const part of [`Status ${ofProblem}`, `<h1>${title}`, `<p>${explanation}</p>`]) expect(shown).toContain(part);
    for (const [name, meaning] of Object.entries(problemMembers(code)))
      expect(shown).toContain(`\`${name}\`: ${meaning}`);
    const users = operations.filter(({ problems }) => problems?.includes(code));
    for (const { service, id } of users) expect(text).toContain(`href="/docs/#/${service}/${id}"`);
  },
);

test('When a person looks up a code there is not, then 404', async () => {
  for (const code of ['nonsense', 'constructor', '__proto__'])
    expect((await get(`/problems/${code}`)).status).toBe(404);
});

test.each([
  '/.well-known/jwks.json',
  '/openapi.json',
  '/docs',
  '/docs/',
  '/docs/problem.css',
  '/problems/sold_out',
  '/livez',
  '/readyz',
])('When %s is used with another method than GET and HEAD, then 405 with Allow', async (at) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers, text } = await get(at, { method });
    expect([method, status, headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
    expect(JSON.parse(text)).toMatchObject({ code: 'method_not_allowed' });
  }
  expect((await get(at, { method: 'HEAD' })).status).toBe(200);
});
