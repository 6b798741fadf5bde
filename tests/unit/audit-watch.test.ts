/** During a sale stores differ for a moment: only what stands unchanged in two looks is a finding. Rounds can be told apart. */
import type { AuditDeps, AuditReport, CheckResult, Offender } from '../../audit/audit';
import { lasting, type Versions } from '../../audit/lasting';
import { auditTwice, auditUntilQuiet } from '../../audit/run';
import { createShow } from '../../audit/show';

const report = (offenders: readonly Offender[], more: Partial<CheckResult> = {}): AuditReport => {
  const ok = offenders.length === 0 && more.error === undefined;
  return { ok, checks: [{ name: 'I1', ok, counts: {}, offenders, ...more }] };
};
const off = (says: number): Offender => ({ productId: 'prd', what: 'gate available', says, expected: 3 });

const NOTHING: Versions = { orders: new Map(), products: new Map() };
const look = (offenders: readonly Offender[], versions = NOTHING, more: Partial<CheckResult> = {}) => ({
  report: report(offenders, more),
  versions,
});
const product = (changes: string): Versions => ({ ...NOTHING, products: new Map([['prd', changes]]) });
const order = (version: number, isSettled = true): Versions => ({
  ...NOTHING,
  orders: new Map([['ord', { version, isSettled }]]),
});

test('When an offender is the same in both looks, then it is reported', () => {
  expect(lasting(look([off(4)]), look([off(4)]))).toEqual(report([off(4)]));
  expect(lasting(look([off(4)], product('1:a 7')), look([off(4)], product('1:a 7')))).toEqual(report([off(4)]));
});

test('When it is gone, new or changed in the second look, then it is not', () => {
  const clean = report([]);
  expect(lasting(look([off(4)]), look([]))).toEqual(clean);
  expect(lasting(look([]), look([off(4)]))).toEqual(clean);
  expect(lasting(look([off(4)]), look([off(5)]))).toEqual(clean);
});

test('When it is the same, and its version has moved between, then it is not: it is another difference', () => {
  const clean = report([]);
  expect(lasting(look([off(4)], product('1:a 7')), look([off(4)], product('1:a 8')))).toEqual(clean);
  // A gate that was rebuilt meanwhile counts from the beginning.
  expect(lasting(look([off(4)], product('1:a 7')), look([off(4)], product('2:b 7')))).toEqual(clean);
  const gone: Offender = { orderId: 'ord', what: 'planted' };
  expect(lasting(look([gone], order(3)), look([gone], order(4)))).toEqual(clean);
  expect(lasting(look([gone], order(3)), look([gone], order(3)))).toEqual(report([gone]));
});

test('When an order is still on its way, then the checks that hold at quiet wait for it, the others do not', () => {
  const offender: Offender = { orderId: 'ord', what: 'planted' };
  const [before, after] = [order(3, false), order(3, false)];
  const named = (name: string) => ({ name });
  const money = (versions: Versions) => look([offender], versions, named('I3 money agrees with the provider'));
  expect(lasting(money(before), money(after)).ok).toBe(true);
  expect(lasting(money(before), money(order(3))).ok).toBe(false);
});

test('When MariaDB alone shows that something is wrong, then it is reported, however much moves', () => {
  const named = (name: string) => ({ name });
  const oversold = (taken: number, changes: string) =>
    look([{ productId: 'prd', taken, onHand: 100 }], product(changes), named('I2 no oversell, limits hold'));
  expect(lasting(oversold(101, '1:a 7'), oversold(103, '1:a 9')).ok).toBe(false);
  expect(lasting(look([], NOTHING, named('I2 no oversell, limits hold')), oversold(101, '1:a 7')).ok).toBe(false);
  const stock = (what: string, changes: string) =>
    look([{ productId: 'prd', what, says: 4, expected: 3 }], product(changes), named('I1 stock adds up'));
  expect(lasting(stock('held', '1:a 7'), stock('held', '1:a 8')).ok).toBe(false);
  expect(lasting(stock('gate available', '1:a 7'), stock('gate available', '1:a 8')).ok).toBe(true);
});

test('When the second look could not be made, then it is not ok', () => {
  expect(lasting(look([]), look([], NOTHING, { error: 'no answer' })).ok).toBe(false);
});

describe('what is written', () => {
  const first = { at: '2026-12-01T11:00:00.000Z', ...report([]) };
  const second = { at: '2026-12-01T11:00:05.000Z', ...report([off(4)]) };

  test('When it watches, then each round begins with its time, and an empty line stands between rounds', () => {
    const show = createShow({ watch: true });
    const lines = `${show(first)}${show(second)}`.split('\n');
    expect(lines).toEqual([
      first.at,
      expect.stringContaining('✓ I1'),
      '  the audit found nothing',
      '',
      second.at,
      expect.stringContaining('✗ I1'),
      expect.stringContaining('"says":4'),
      '  the audit found violations',
      '',
    ]);
  });

  test('When it looks once, then there is no line of time', () => {
    expect(createShow({})(first)).toMatch(/^ {2}✓ I1 .*\n {2}the audit found nothing\n$/);
  });

  test('When programs read it, then each report is one line, with its time', () => {
    const show = createShow({ json: true, watch: true });
    const lines = `${show(first)}${show(second)}`.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([first, second]);
  });

  test('When stores are looked at, then the report says when', async () => {
    // Without a store no check can be made: a report all the same, and a second look.
    const sql = { rows: () => Promise.reject(new Error('gone away')) };
    const nothing = { sql } as unknown as AuditDeps;
    const before = Date.now();
    const reports = [await auditUntilQuiet(nothing, 0), await auditTwice(nothing, 0)];
    for (const { at, checks } of reports) {
      expect(new Date(at).toISOString()).toBe(at);
      expect(Date.parse(at)).toBeGreaterThanOrEqual(before);
      expect(checks.length).toBeGreaterThan(0);
    }
  });
});
