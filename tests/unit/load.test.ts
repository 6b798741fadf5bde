/** The load's own arithmetic: a verdict that cannot be fooled by what did not happen. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readObservations } from '../../audit/observations';
import { auditChecks } from '../../load/audit';
import { toldOf, writeObservations } from '../../load/observations';
import type { LoadOptions } from '../../load/options';
import { parseOptions } from '../../load/options';
import { eachOf, intendedAt } from '../../load/pace';
import { createReport, reportText, slowestOf } from '../../load/report';
import { createTally, type Ending, record, type Tally } from '../../load/tally';
import { checkTally, verdictOf } from '../../load/verdict';

const options: LoadOptions = parseOptions(['--buyers', '10', '--units', '4']);

function tallyOf(endings: readonly Ending[], refused: number): Tally {
  const tally = createTally();
  tally.sent = endings.length + refused;
  tally.accepted = endings.length;
  if (refused > 0) tally.refused.sold_out = refused;
  tally.ended.push(...endings.map((ending, index) => ({ orderId: `ord_${index}`, ending, tookMs: index })));
  return tally;
}
const four: readonly Ending[] = ['confirmed', 'confirmed', 'confirmed', 'confirmed'];
const failedNames = (tally: Tally, given: LoadOptions = options): string[] =>
  checkTally(tally, given)
    .filter((check) => !check.ok)
    .map((check) => check.name);

describe('the verdict', () => {
  test('When ten buyers meet four units and all adds up, then it is ok', () => {
    const checks = checkTally(tallyOf(four, 6), options);
    expect(failedNames(tallyOf(four, 6))).toEqual([]);
    expect(verdictOf(checks).ok).toBe(true);
  });

  test('When nothing was sold, then it is not ok', () => {
    expect(failedNames(tallyOf([], 10))).toContain('something was sold');
    expect(failedNames(tallyOf(['declined', 'declined'], 8), { ...options, decline: 1 })).toEqual([
      'something was sold',
    ]);
  });

  test('When answers are missing, then it is not ok', () => {
    const tally = tallyOf(four, 5);
    tally.sent = 10;
    expect(failedNames(tally)).toEqual(['every checkout was accepted, refused or failed']);
    expect(failedNames(tallyOf(four, 5))).toEqual(['every buyer sent one checkout']);
  });

  test('When an order was not followed to its end, then it is not ok', () => {
    const tally = tallyOf(four, 6);
    tally.ended.pop();
    expect(failedNames(tally)).toContain('every accepted order was followed');
    expect(failedNames(tallyOf([...four.slice(1), 'unended'], 6))).toContain('every saga ended');
  });

  test('When more was sold than there was, or a unit was left while buyers wanted it, then it is not ok', () => {
    expect(failedNames(tallyOf([...four, 'confirmed'], 5))).toContain('no more sold than there was');
    expect(failedNames(tallyOf(four.slice(1), 7))).toEqual(['every unit that somebody wanted was sold']);
    expect(failedNames(tallyOf([...four.slice(1), 'declined'], 6), { ...options, decline: 0.3 })).toEqual([]);
  });

  test('When a checkout failed, or a check did not run, then it is not ok', () => {
    const tally = tallyOf(four, 5);
    tally.sent = 10;
    tally.failed['500'] = 1;
    expect(failedNames(tally)).toEqual(['no checkout failed']);
    expect(verdictOf([]).ok).toBe(false);
    expect(verdictOf([{ name: 'audit', ok: false, detail: 'not run' }]).ok).toBe(false);
  });
});

describe('the report', () => {
  test('When it is made, then every buyer is in one number, and the slowest come first', () => {
    const tally = tallyOf([...four, 'expired', 'declined'], 4);
    record(tally.acceptance, 12.5);
    tally.lastAcceptanceMs = 500;
    tally.lastEndMs = 2_000;
    const slowest = slowestOf(tally.ended).map((each) => ({ ...each, url: null }));
    const report = createReport({ options, productId: 'prd_x', tally, repeats: {}, slowest, verdict: verdictOf([]) });
    expect(report).toMatchObject({
      sent: 10,
      accepted: 6,
      refused: 4,
      failed: 0,
      confirmed: 4,
      expired: 1,
      declined: 1,
    });
    expect(report).toMatchObject({ acceptedPerSecond: 12, sagasPerSecond: 3, lastSagaMs: 2_000 });
    expect(report.latency.acceptance).toMatchObject({ count: 1, p50: 12.5 });
    expect(report.slowest[0]).toMatchObject({ orderId: 'ord_5', tookMs: 5 });
    expect(reportText(report)).toContain('verdict: NOT OK');
  });

  test('When orders share a saga, then each line and each object names its order, its time and the link', () => {
    const url = 'http://127.0.0.1:8233/namespaces/default/workflows/checkouts-1';
    const tally = tallyOf(['confirmed', 'confirmed'], 0);
    const slowest = slowestOf(tally.ended).map((each) => ({ ...each, tookMs: each.tookMs + 300, url }));
    const report = createReport({ options, productId: 'prd_x', tally, repeats: {}, slowest, verdict: verdictOf([]) });
    const lines = reportText(report).split('\n');
    expect(lines).toContain(`  301 ms  confirmed  ord_1  ${url}`);
    expect(lines).toContain(`  300 ms  confirmed  ord_0  ${url}`);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      slowest: [
        { orderId: 'ord_1', tookMs: 301, ending: 'confirmed', url },
        { orderId: 'ord_0', tookMs: 300, ending: 'confirmed', url },
      ],
    });
  });

  test('When percentiles fall into the bucket of the maximum, then none is above it', () => {
    const tally = tallyOf(four, 6);
    for (const ms of [12.5, 3_234.1, 3_234.8]) record(tally.confirms, ms);
    const report = createReport({
      options,
      productId: 'prd_x',
      tally,
      repeats: {},
      slowest: [],
      verdict: verdictOf([]),
    });
    expect(report.latency.confirm).toEqual({
      count: 3,
      p50: 3_234.8,
      p90: 3_234.8,
      p99: 3_234.8,
      p999: 3_234.8,
      max: 3_234.8,
    });
    expect(report.latency.acceptance).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
  });
});

describe('the pace', () => {
  test('When a rate is given, then checkouts are meant at even distances; without one, all at once', () => {
    expect([0, 1, 2].map((index) => intendedAt(index, 200))).toEqual([0, 5, 10]);
    expect([0, 1, 2].map((index) => intendedAt(index, undefined))).toEqual([0, 0, 0]);
  });

  test('When work runs side by side, then never more than asked, and the first error is told', async () => {
    let running = 0;
    let most = 0;
    await eachOf([1, 2, 3, 4, 5, 6, 7], 3, async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
    });
    expect(most).toBe(3);
    await expect(eachOf([1], 3, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('the audit', () => {
  const here = { PUBLIC_URL: 'http://127.0.0.1:8080' };
  const there = parseOptions(['--url', 'https://shop.example.com', '--sandbox', 'https://sandbox.example.com']);

  test('When the load went to another system, then the stores known here are not audited, and the verdict is not ok', async () => {
    for (const env of [here, {}]) {
      const checks = await auditChecks(there, env, 'none');
      expect(checks).toEqual([{ name: 'audit', ok: false, detail: expect.stringContaining('not run: ') }]);
      expect(verdictOf([...checkTally(tallyOf(four, 6), options), ...checks]).ok).toBe(false);
    }
  });

  test('When --no-audit was given, then the verdict says that it was left out, and can be ok', async () => {
    const given = parseOptions(['--no-audit', '--buyers', '10', '--units', '4']);
    const checks = await auditChecks(given, here, 'none');
    expect(checks).toEqual([{ name: 'audit', ok: true, detail: 'left out, as --no-audit asks' }]);
    expect(verdictOf([...checkTally(tallyOf(four, 6), given), ...checks]).ok).toBe(true);
  });
});

describe('what buyers were told', () => {
  const token = (memberId: string): string => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ alg: 'ES256' })}.${part({ sub: memberId })}.signature`;
  };
  const told = (status: number, body: Readonly<Record<string, unknown>>) =>
    toldOf({
      member: { username: 'a', password: 'b', accessToken: token('mem_1'), accessUntil: 0, refreshToken: '' },
      key: 'key-1',
      productId: 'prd_1',
      answer: { status, headers: {}, body },
    });

  test('When an answer promises something, then it is written down as the audit reads it; else it is not', async () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'firstcome-load-'));
    try {
      const file = path.join(dir, 'load', 'prd_1.jsonl');
      const all = [
        told(202, { orderId: 'ord_1', amount: 10_000, sequence: 7 }),
        told(409, { code: 'sold_out', final: true }),
        told(409, { code: 'sold_out', final: false }),
        told(503, { code: 'backlog_full' }),
      ].flatMap((each) => each ?? []);
      await writeObservations(file, all);
      const about = { memberId: 'mem_1', key: 'key-1', productId: 'prd_1' };
      expect(readObservations(file)).toEqual([
        { ...about, status: 202, orderId: 'ord_1', amount: 10_000, sequence: 7 },
        { ...about, status: 409, final: true },
      ]);
      for (const { at } of all) expect(new Date(at).toISOString()).toBe(at);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
