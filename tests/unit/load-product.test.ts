/** A product that was asked for is looked up before anything is made for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseOptions } from '../../load/options';
import { runLoad } from '../../load/run';
import { LoadError } from '../../load/stack';

type Reply = readonly [status: number, body: unknown];

let dir: string;
let server: Server;
let asked: string[];
let replies: Readonly<Record<string, Reply>>;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'firstcome-load-'));
  asked = [];
  server = createServer((request, response) => {
    const call = `${request.method} ${request.url}`;
    asked.push(call);
    const [status, body] = replies[call] ?? [400, { code: 'invalid_request' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The line of progress, when members are made.
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await new Promise((resolve) => server.close(resolve).closeAllConnections());
  rmSync(dir, { recursive: true, force: true });
});

function load(product: string) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const admin = { username: 'admin', password: 'secret' };
  const target = { gateway: url, sandbox: url, membersFile: path.join(dir, 'members.json'), admin };
  return runLoad(parseOptions(['--product', product, '--buyers', '3', '--no-audit']), target, {});
}
const LIVE = { 'GET /livez': [200, { status: 'ok' }] } as const;

test.each([
  {
    product: 'prd_x',
    at: '/v1/products/prd_x',
    reply: [422, { code: 'invalid_request' }],
    said: '422 invalid_request',
  },
  { product: 'prd_1', at: '/v1/products/prd_1', reply: [404, { code: 'not_found' }], said: '404 not_found' },
  { product: 'a/../b?', at: '/v1/products/a%2F..%2Fb%3F', reply: [404, {}], said: '404 no code' },
  { product: '', at: '/v1/products/', reply: [200, { items: [] }], said: '200 no code' },
] as const)(
  "When the product '$product' is answered with $said, then the load ends with one sentence, and nothing was made",
  async ({ product, at, reply, said }) => {
    replies = { ...LIVE, [`GET ${at}`]: reply };
    const refused = new LoadError(`no product '${product}' was found: GET ${at} answered ${said}`);
    await expect(load(product)).rejects.toThrow(refused);
    expect(asked).toEqual(['GET /livez', `GET ${at}`]);
  },
);

test('When the product is there, then the load goes on', async () => {
  replies = { ...LIVE, 'GET /v1/products/prd_1': [200, { productId: 'prd_1' }] };
  await expect(load('prd_1')).rejects.toThrow('sign-up answered 400');
  expect(asked).toContain('POST /v1/members');
});
