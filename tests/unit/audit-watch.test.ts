/** During a sale stores differ for a moment: only what stands unchanged in two looks is a finding. */
import { type AuditReport, type CheckResult, lasting, type Offender } from '../../audit/audit';

const report = (offenders: readonly Offender[], more: Partial<CheckResult> = {}): AuditReport => {
  const ok = offenders.length === 0 && more.error === undefined;
  return { ok, checks: [{ name: 'I1', ok, counts: {}, offenders, ...more }] };
};
const off = (says: number): Offender => ({ productId: 'prd', what: 'gate available', says, expected: 3 });

test('When an offender is the same in both looks, then it is reported', () => {
  expect(lasting(report([off(4)]), report([off(4)]))).toEqual(report([off(4)]));
});

test('When it is gone, new or changed in the second look, then it is not', () => {
  const clean = report([]);
  expect(lasting(report([off(4)]), report([]))).toEqual(clean);
  expect(lasting(report([]), report([off(4)]))).toEqual(clean);
  expect(lasting(report([off(4)]), report([off(5)]))).toEqual(clean);
});

test('When the second look could not be made, then it is not ok', () => {
  expect(lasting(report([]), report([], { error: 'no answer' })).ok).toBe(false);
});
