/** A client that leaves before its request is whole: nobody to answer, and nothing of ours to mend. */
import { connect } from 'node:net';
import { createExpressApp } from '../../infra/http/express-app';
import { listen } from '../../infra/http/listen';
import { useProblems } from '../../infra/http/service-app';
import { createLogger } from '../../infra/process/logger';
import { until } from '../support/until';

test('When a client leaves in the midst of its body, then it is not logged as a failure of ours; a failure of ours is', async () => {
  const logger = createLogger('test', 'silent');
  const logged = [jest.spyOn(logger, 'warn'), jest.spyOn(logger, 'error')];
  const lines = () => logged.flatMap(({ mock }) => mock.calls.map((call: unknown[]) => call.at(-1)));
  const failures: unknown[] = [];
  const app = createExpressApp();
  app.post('/', async (request) => {
    try {
      for await (const _chunk of request);
    } catch (error) {
      failures.push(error);
      throw error;
    }
    throw Object.assign(new Error('the store is gone'), { code: 'ECONNRESET' });
  });
  useProblems(app, logger);
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  try {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc', () => socket.destroy());
    await until(() => failures.length === 1, { within: 5_000, what: 'the body breaks off' });
    expect((await fetch(server.url, { method: 'POST', body: 'whole' })).status).toBe(503);
    expect(lines()).toEqual(['request failed for now']);
  } finally {
    await server.close();
  }
});
