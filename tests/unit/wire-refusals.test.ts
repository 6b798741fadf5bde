import { once } from 'node:events';
import { createServer, type RequestListener, type ServerOptions } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { createExpressApp } from '../../infra/http/express-app';
import { type Listening, listen } from '../../infra/http/listen';
import { serveRequests } from '../../infra/http/wire-refusals';
import { until } from '../support/until';

const GET = 'GET /slow HTTP/1.1\r\nHost: a\r\n';
const CHUNKED = 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

let server: Listening;
/** requests that Express has seen */
let seen: string[] = [];

beforeAll(async () => {
  const app = createExpressApp();
  app.use((request, _response, next) => {
    seen.push(request.url);
    next();
  });
  app.post('/echo', async (request, response) => void response.end(await text(request)));
  app.use((_request, response) => void response.end('ok'));
  server = await listen(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());
beforeEach(() => {
  seen = [];
});

function open(port = server.port): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** What the server says until it ends the connection. */
async function told(message: string, port?: number): Promise<string> {
  const socket = open(port);
  socket.write(message);
  return text(socket);
}

function parse(answer: string) {
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map(
    lines.map((line) => line.split(/: (.*)/) as [string, string]).map(([k, v]) => [k.toLowerCase(), v]),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body: JSON.parse(body) as Record<string, unknown> };
}

function expectProblem(answer: string, status: number, code: string): void {
  const { headers, body, ...rest } = parse(answer);
  expect({ ...rest, code: body.code, member: body.status }).toEqual({ status, code, member: status });
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(headers.get('connection')).toBe('close');
  expect(headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
  expect(body.requestId).toBe(headers.get('request-id'));
  expect(body.type).toBe(`urn:firstcome:problem:${code}`);
}

test.each([
  ['a method nobody knows', 'BREW /v1/products HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed_request'],
  ['no HTTP at all', 'hello?\r\n\r\n', 400, 'malformed_request'],
  ['a version there is not', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', 400, 'malformed_request'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'malformed_request'],
  ['a length that is none', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ten\r\n\r\n', 400, 'malformed_request'],
  ['a chunk whose size is none', `${CHUNKED}zz\r\nx\r\n0\r\n\r\n`, 400, 'malformed_request'],
  ['a header of 20 kB', `GET / HTTP/1.1\r\nHost: a\r\nX-Pad: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ['a URL of 20 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, 'headers_too_large'],
  [
    'a header of 2 MB',
    `GET / HTTP/1.1\r\nHost: a\r\nX-Pad: ${'x'.repeat(2_000_000)}\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  ['a chunk extension of 20 kB', `${CHUNKED}1;${'x'.repeat(20_000)}\r\nx\r\n0\r\n\r\n`, 413, 'body_too_large'],
  ['an expectation nobody meets', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n', 417, 'expectation_failed'],
])('When %s arrives, then the refusal is a problem with a request id, and the connection ends', async (...row) => {
  const [_what, message, status, code] = row;
  expectProblem(await told(message), status, code);
  expect(seen).toEqual(message.startsWith(CHUNKED) ? ['/echo'] : []);
});

test('When a request is refused for its Host or not understood, then the problem says which', async () => {
  expect(parse(await told('GET / HTTP/1.1\r\n\r\n')).body.detail).toBe('a Host header is needed');
  expect(parse(await told('BREW / HTTP/1.1\r\nHost: a\r\n\r\n')).body.detail).toBe('this is not valid HTTP');
});

test('When HTTP/1.0 comes without Host, or 100-continue is expected, then it is served', async () => {
  expect(await told('GET / HTTP/1.0\r\n\r\n')).toContain('200 OK');
  const answer = await told(
    'POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

test('When a connection has been answered, then what is refused on it later is answered after that', async () => {
  const answer = await told('GET / HTTP/1.1\r\nHost: a\r\n\r\nBREW / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [first = '', second = ''] = answer.split(/(?=HTTP\/1\.1 400)/);
  expect(first).toContain('200 OK');
  expectProblem(second, 400, 'malformed_request');
});

test.each([
  ['an answer that is under way', 1],
  ['answers that wait for one another', 3],
])(
  'When nonsense follows in the midst of %s, then they go out whole, nothing mixed into them',
  async (_what, requests) => {
    const begun: (() => void)[] = [];
    await using own = await serve({}, (_request, response) => {
      response.write('begun');
      begun.push(() => response.end(' and ended'));
    });
    const socket = open(own.port);
    socket.write(`${GET}\r\n`.repeat(requests));
    const answer = text(socket);
    await until(() => begun.length === requests && socket.bytesRead > 0, { within: 2_000, what: 'all have begun' });
    socket.write('BREW / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => own.refused() > 0, { within: 2_000, what: 'the nonsense is seen' });
    for (const end of begun) end();
    expect((await answer).match(/begun|and ended|problem/g)).toEqual(
      Array(requests).fill(['begun', 'and ended']).flat(),
    );
  },
);

test('When the client of an answer with nonsense in its midst keeps its side open and goes on sending, then the connection ends all the same', async () => {
  let end = (): void => undefined;
  await using own = await serve({}, (_request, response) => {
    response.write('begun');
    end = () => response.end(' and ended');
  });
  const socket = connect({ port: own.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(`${GET}\r\n`);
  await until(() => answer.includes('begun'), { within: 2_000, what: 'the answer begins' });
  socket.write('BREW / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => own.refused() > 0, { within: 2_000, what: 'the nonsense is seen' });
  end();
  await until(() => answer.includes('and ended'), { within: 2_000, what: 'the answer ends' });
  const sending = setInterval(() => socket.write('x'), 20);
  try {
    await until(async () => (await own.connections()) === 0, { within: 5_000, what: 'the connection is closed' });
  } finally {
    clearInterval(sending);
    socket.destroy();
  }
});

test('When a client still sends while it is refused, then it is not cut off before it has read why', async () => {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  const errors: Error[] = [];
  let answer = '';
  socket
    .on('error', (error) => errors.push(error))
    .on('data', (chunk) => {
      answer += chunk;
    });
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX-Pad: ${'x'.repeat(20_000)}`);
  await until(() => answer.includes('requestId'), { within: 2_000, what: 'the refusal' });
  expectProblem(answer, 431, 'headers_too_large');
  for (let i = 0; i < 5; i += 1) {
    socket.write('x'.repeat(20_000));
    await pause(10);
  }
  socket.end('\r\n\r\n');
  await until(() => socket.closed, { within: 2_000, what: 'both sides have ended' });
  expect(errors).toEqual([]);
});

/** A server of one test: the bare listener behind the refusals, and what became of its connections. */
async function serve(options: ServerOptions, listener: RequestListener) {
  const own = createServer({ requireHostHeader: false, ...options });
  serveRequests(own, listener);
  let refused = 0;
  own.on('clientError', () => {
    refused += 1;
  });
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  return {
    port: (own.address() as AddressInfo).port,
    /** how often there was something to refuse */
    refused: () => refused,
    connections: () => new Promise<number>((resolve) => own.getConnections((_error, n) => resolve(n))),
    [Symbol.asyncDispose]: async () => {
      own.closeAllConnections();
      await new Promise((resolve) => own.close(resolve));
    },
  };
}

const POST = 'POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}';
test.each([
  ['behind it', `${POST}xx\r\n`, '', 1],
  ['later', POST, 'xx\r\n', 1],
  ['behind another one', `${POST}${POST}xx\r\n`, '', 2],
  ['in another one', `${POST}POST /pay HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n`, '', 1],
])(
  'When a whole request is being worked on and nonsense comes %s, then its own answer goes out, and then the connection ends',
  async (_when, message, later, requests) => {
    const working: (() => void)[] = [];
    await using own = await serve({}, async (request, response) => {
      const body = await text(request).catch(() => null);
      if (body === null) return;
      await new Promise<void>((resolve) => working.push(resolve));
      response.end('paid');
    });
    const socket = open(own.port);
    const answer = text(socket);
    socket.write(message);
    await until(() => working.length === requests, { within: 2_000, what: 'all are worked on' });
    socket.write(later);
    await until(() => own.refused() > 0, { within: 2_000, what: 'the nonsense is seen' });
    for (const end of working) end();
    expect((await answer).match(/HTTP\/1\.1 \d+|paid/g)).toEqual(Array(requests).fill(['HTTP/1.1 200', 'paid']).flat());
  },
);

test('When the client is gone before its refusal, then the server goes on', async () => {
  await using own = await serve({}, (_request, response) => void response.end('ok'));
  const gone: Promise<unknown>[] = [];
  for (const message of ['BREW / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', `GET /${'x'.repeat(50_000)}`]) {
    for (let i = 0; i < 20; i += 1) {
      const socket = open(own.port);
      gone.push(once(socket, 'close'));
      socket.write(message, () => socket.resetAndDestroy());
    }
  }
  await Promise.all(gone);
  const asks = () => told('GET / HTTP/1.0\r\n\r\n', own.port);
  // Taken in the order in which they came: with this one all have been.
  expect(await asks()).toContain('200 OK');
  await until(async () => (await own.connections()) === 0, { within: 5_000, what: 'all are gone' });
  expect(await asks()).toContain('200 OK');
});

test('When headers never end, then 408, and the connection goes even if the client keeps it', async () => {
  await using impatient = await serve(
    { headersTimeout: 100, connectionsCheckingInterval: 20 },
    (_request, response) => void response.end('ok'),
  );
  const socket = open(impatient.port);
  socket.allowHalfOpen = true;
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  await until(() => answer.includes('requestId'), { within: 2_000, what: 'the refusal' });
  expectProblem(answer, 408, 'request_timeout');
  await until(async () => (await impatient.connections()) === 0, { within: 3_000, what: 'the connection is closed' });
  socket.destroy();
});
