/** The load command against the running system: its numbers, its verdict, its exit code. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import type { Report } from '../../load/report';
import { connectSystem, type System } from './support/system';

const ENTRY = path.resolve(__dirname, '..', '..', 'dist', 'load', 'main.js');
const PATIENCE_MS = 240_000;

let system: System;

beforeAll(async () => {
  system = await connectSystem();
});
afterAll(() => system.close());

function load(...args: string[]): Promise<{ code: number; report: Report; progress: string }> {
  const { username, password } = system.addresses.admin;
  const env = {
    ...process.env,
    ...system.env,
    FIRSTCOME_HOME: system.home.dir,
    ADMIN_USERNAME: username,
    ADMIN_PASSWORD: password,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [ENTRY, '--json', ...args], { env, maxBuffer: 16 << 20 }, (error, output, progress) => {
      try {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, report: JSON.parse(output), progress });
      } catch {
        reject(new Error(`the load printed: ${output}${progress}`, { cause: error }));
      }
    });
  });
}
const failed = (report: Report) => report.verdict.checks.filter((check) => !check.ok);

test(
  'When 60 buyers want 20 units, then 20 are confirmed, 40 refused, all adds up, and the audit was asked',
  async () => {
    const { code, report, progress } = await load('--buyers', '60', '--units', '20');

    expect(failed(report)).toEqual([]);
    expect(report).toMatchObject({
      sent: 60,
      accepted: 20,
      refused: 40,
      confirmed: 20,
      failed: 0,
      verdict: { ok: true },
    });
    expect(report.verdict.checks.filter((check) => check.name.startsWith('audit ')).length).toBeGreaterThan(5);
    expect(report.latency.answer.count).toBe(60);
    expect(report.slowest).toHaveLength(10);
    expect(report.slowest[0]?.url).toMatch(/^http.*checkout/);
    expect(progress).toContain('confirmed 20');
    expect(code).toBe(0);
    expect(await system.stock(report.productId)).toEqual({ on_hand: 20, held: 0, sold: 20 });
  },
  PATIENCE_MS,
);

test(
  'When cards are declined, then those orders fail, their units are free again, and the verdict is still ok',
  async () => {
    const { code, report } = await load('--buyers', '20', '--units', '20', '--decline', '0.3', '--rate', '50');

    expect(failed(report)).toEqual([]);
    expect(report).toMatchObject({ accepted: 20, confirmed: 13, declined: 7 });
    expect(code).toBe(0);
  },
  PATIENCE_MS,
);

test(
  'When nothing can be sold, then the verdict is not ok and the exit code 1',
  async () => {
    const { code, report } = await load('--buyers', '5', '--units', '0');

    expect(report).toMatchObject({ sent: 5, accepted: 0, refused: 5, verdict: { ok: false } });
    expect(failed(report).map((check) => check.name)).toContain('something was sold');
    expect(code).toBe(1);
  },
  PATIENCE_MS,
);

test('When the product is not there, then it ends with one sentence and the exit code 1, and no member was made', async () => {
  const refused = await load('--buyers', '5', '--product', 'prd_x').catch((error: unknown) => error);

  expect(refused).toMatchObject({
    message: expect.stringMatching(/^the load printed: load: no product 'prd_x' was found: [^\n]+\n$/),
    cause: { code: 1 },
  });
});
