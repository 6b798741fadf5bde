/** `npm run audit` as a process: what it prints and how it ends. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSilentServer } from 'node:net';
import { join } from 'node:path';
import { runAudit } from '../../audit/audit';
import { CHECKS } from '../../audit/index';
import type { DatedReport } from '../../audit/run';
import { createId } from '../../domain/ids';
import type { SqlValue } from '../../infra/mysql/transaction';
import { removeDir, tempDir } from '../support/sandbox';
import { freePort } from '../support/servers';
import { until } from '../support/until';
import { type AuditedShop, createAuditedShop } from './support/audited';

const ROOT = join(__dirname, '..', '..');
const HOOK = join(ROOT, 'tests', 'support', 'ts-hook.cjs');

let shop: AuditedShop;
let dir: string;
beforeAll(async () => {
  shop = await createAuditedShop();
  dir = await tempDir();
});
afterAll(async () => {
  await shop.destroy();
  await removeDir(dir);
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly complaint: string;
}

const audit = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['-r', HOOK, join(ROOT, 'audit', 'main.ts'), ...args],
      { env: { PATH: process.env.PATH, ...shop.env, ...env }, timeout: 50_000 },
      (_error, output, complaint) => resolve({ code: child.exitCode, output, complaint }),
    );
  });

const breakStock = () =>
  shop.gate.sql.change('UPDATE stock SET held = held + 1 WHERE product_id = ?', [shop.productId]);
const mendStock = () => shop.gate.sql.change('UPDATE stock SET held = held - 1 WHERE product_id = ?', [shop.productId]);

test('When all is well, then every check is shown with its counts, and it ends with 0', async () => {
  const { code, output } = await audit([]);
  expect(output).toMatch(/✓ I1 stock adds up +products 1, orders 4/);
  expect(output.match(/✓ I\d+/g)).toHaveLength(13);
  expect(output).toContain('the audit found nothing');
  expect(code).toBe(0);
});

test('When there is a violation, then its id is printed, one JSON object on demand, and it ends with 1', async () => {
  await breakStock();
  try {
    const shown = await audit([]);
    expect(shown.output).toContain(shop.productId);
    expect(shown.code).toBe(1);
    const { code, output } = await audit(['--json']);
    const report = JSON.parse(output) as DatedReport;
    expect(report.ok).toBe(false);
    expect(new Date(report.at).toISOString()).toBe(report.at);
    expect(report.checks[0]?.offenders).toContainEqual({
      productId: shop.productId,
      what: 'held',
      says: 2,
      expected: 1,
    });
    expect(code).toBe(1);
  } finally {
    await mendStock();
  }
});

test('When it watches and a violation lasts, then the round is shown with its time, and it ends with 1', async () => {
  await breakStock();
  try {
    const { code, output } = await audit(['--watch']);
    expect(output).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\n {2}✗ I1 /);
    expect(output).toContain(shop.productId);
    expect(code).toBe(1);
  } finally {
    await mendStock();
  }
});

/** The provider's ledger, with a count of how often it was read: several times in each look. */
async function countedLedger() {
  let reads = 0;
  const server = createServer((_request, response) => {
    reads += 1;
    void shop.deps.captures().then((captures) => response.end(JSON.stringify({ captures })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    reads: () => reads,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

test('When it is told to wait, then it looks again until the shop is quiet', async () => {
  const ledger = await countedLedger();
  await breakStock();
  const waiting = audit(['--wait', '40'], { SANDBOX_URL: ledger.url });
  // The stock is looked at before the money: by now it has been seen broken.
  await until(() => ledger.reads() > 0, { within: 40_000, what: 'a first look' });
  await mendStock();
  const { code } = await waiting;
  await ledger.close();
  expect(code).toBe(0);
});

test('When what buyers were told is handed in, then it is compared', async () => {
  const file = join(dir, 'observations.jsonl');
  const orderId = createId('ord');
  await writeFile(file, `${JSON.stringify({ memberId: createId('mem'), key: 'k', status: 202, orderId })}\n`);
  const { code, output } = await audit(['--observations', file]);
  expect(output).toContain(orderId);
  expect(code).toBe(1);
});

test('When a check could not be made, then it says which and why, and ends with 2', async () => {
  const { code, output } = await audit([], { SANDBOX_URL: `http://127.0.0.1:${await freePort()}` });
  expect(output).toMatch(/✗ I3 .*could not be made/);
  expect(code).toBe(2);
});

/** A server that takes connections and says nothing. */
async function silent() {
  const server = createSilentServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('When MariaDB takes connections and never answers, then it says so and ends with 2', async () => {
  const mute = await silent();
  const { code, complaint } = await audit([], { MYSQL_URL: `mysql://root@127.0.0.1:${mute.port}/none` });
  expect(complaint).toMatch(/^audit: /);
  expect(code).toBe(2);
  await mute.close();
});

test('When MariaDB goes silent in the midst of a look, then the checks after it are given up at once', async () => {
  let asked = 0;
  const rows = <R>(text: string, values: readonly SqlValue[] = []): Promise<readonly R[]> => {
    asked += 1;
    return asked > 3 ? Promise.reject(new Error('gone away')) : shop.deps.sql.rows<R>(text, values);
  };
  const { ok, checks } = await runAudit({ ...shop.deps, sql: { ...shop.deps.sql, rows } }, CHECKS);
  const given = checks.filter(({ error }) => error === 'MariaDB does not answer: gone away');
  expect([ok, given.length, asked]).toEqual([false, CHECKS.length - 3, 4]);
});

test('When the provider takes connections and never answers, then it is waited for once, and the other checks are made', async () => {
  let asked = 0;
  const captures = (): Promise<never> => {
    asked += 1;
    return Promise.reject(new Error('no answer'));
  };
  const { checks } = await runAudit({ ...shop.deps, captures }, CHECKS);
  expect(checks.filter(({ error }) => error === 'no answer').map(({ name }) => name.split(' ')[0])).toEqual([
    'I3',
    'I4',
    'I5',
    'I11',
  ]);
  expect(checks.filter(({ ok }) => ok)).toHaveLength(9);
  expect(asked).toBe(1);
});

test.each(['SIGINT', 'SIGTERM'] as const)('When a clean watch is ended by %s, then it ends with 0', async (signal) => {
  const child = spawn(process.execPath, ['-r', HOOK, join(ROOT, 'audit', 'main.ts'), '--watch'], {
    env: { PATH: process.env.PATH, ...shop.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until(() => output.includes('the audit found nothing'), { within: 40_000, what: 'a clean round' });
  child.kill(signal);
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
});

test('When nobody reads a watch any more, then it ends with 0', async () => {
  const child = spawn(process.execPath, ['-r', HOOK, join(ROOT, 'audit', 'main.ts'), '--watch'], {
    env: { PATH: process.env.PATH, ...shop.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
});

test('When a setting is missing, then it is named, and it ends with 2', async () => {
  const { code, complaint } = await audit([], { SANDBOX_URL: '' });
  expect(complaint).toContain('SANDBOX_URL');
  expect(code).toBe(2);
});
