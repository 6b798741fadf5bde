/** What lets a stack start quickly: cheap looks at readiness, Kafka's archived classes, stack traces mapped when shown. */
import { spawnSync } from 'node:child_process';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { nodeCommand } from '../../stack/launcher/node-command';
import { answersOk, isListening } from '../../stack/launcher/readiness';
import { findJava } from '../../stack/servers/tools';

const ROOT = path.resolve(__dirname, '..', '..');
const KAFKA = path.join(ROOT, '.firstcome', 'tools', 'kafka');

describe('looks at readiness', () => {
  let server: Server;
  let answer: RequestListener;
  const port = (): number => (server.address() as AddressInfo).port;
  const url = (): string => `http://127.0.0.1:${port()}/readyz`;

  beforeEach(async () => {
    server = createHttpServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  test.each([
    [200, true],
    [204, true],
    [302, false],
    [404, false],
    [503, false],
  ])('When it answers %s, then being ready is %s', async (status, isReady) => {
    answer = (_request, response) => void response.writeHead(status).end('said');
    expect([await answersOk(url()), await isListening(port())]).toEqual([isReady, true]);
  });

  test('When it hangs up without an answer, or says nothing at all, then it is not ready', async () => {
    answer = (request) => void request.socket.destroy();
    expect(await answersOk(url())).toBe(false);
    answer = () => undefined;
    expect(await answersOk(url())).toBe(false);
  });

  test('When nobody listens, then it is neither ready nor listening', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port: free } = other.address() as AddressInfo;
    await new Promise((resolve) => other.close(resolve));
    expect([await answersOk(`http://127.0.0.1:${free}/readyz`), await isListening(free)]).toEqual([false, false]);
  });
});

test('When set-up has archived the classes of Kafka, then this JVM takes them from there', () => {
  // With `on` instead of the launcher's `auto`, a JVM that cannot use the archive ends with an error.
  const args = [`-XX:SharedArchiveFile=${KAFKA}.jsa`, '-Xshare:on', '-Xlog:class+load:stdout'];
  const program = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', path.join(KAFKA, '*'), 'kafka.Kafka'];
  const { stdout } = spawnSync(findJava(), [...args, ...program], { encoding: 'utf8' });
  expect(stdout).toMatch(/ kafka\.Kafka\$? source: shared objects file \(top\)/);
});

test('When a process of ours fails, then its log names the TypeScript file', () => {
  const entry = path.join(ROOT, 'dist', 'workers', 'relay', 'main.js');
  const [command = '', ...args] = nodeCommand(entry);
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', env: {} });
  expect(status).toBe(78);
  expect(stdout).toMatch(/workers\/relay\/main\.ts:\d+:\d+/);
});
