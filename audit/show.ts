/** The report for people. */
import type { AuditReport, CheckResult } from './audit';

const SHOWN = 10;

const countsText = (counts: CheckResult['counts']): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

function lines({ name, ok, error, counts, offenders }: CheckResult): string[] {
  const head = `  ${ok ? '✓' : '✗'} ${name.padEnd(42)} ${error ? `could not be made: ${error}` : countsText(counts)}`;
  const listed = offenders.slice(0, SHOWN).map((offender) => `      ${JSON.stringify(offender)}`);
  const more = offenders.length > SHOWN ? [`      … and ${offenders.length - SHOWN} more`] : [];
  return [head, ...listed, ...more];
}

export const reportText = ({ ok, checks }: AuditReport): string =>
  [...checks.flatMap(lines), ok ? '  the audit found nothing' : '  the audit found violations', ''].join('\n');
