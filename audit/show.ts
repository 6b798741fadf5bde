/** How a report is written: as text for people, or as one line for programs. */
import type { AuditReport, CheckResult } from './audit';
import type { DatedReport } from './run';

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

const reportText = ({ ok, checks }: AuditReport): string =>
  [...checks.flatMap(lines), ok ? '  the audit found nothing' : '  the audit found violations', ''].join('\n');

/**
 * @returns what to write for a report, asked once for each. The rounds of `--watch` are one stream of lines: each begins
 * with its time, after an empty line, so that it can be told from the one before and held against logs.
 */
export function createShow(options: { readonly json?: boolean; readonly watch?: boolean }) {
  let between = '';
  return (report: DatedReport): string => {
    if (options.json) return `${JSON.stringify(report)}\n`;
    if (!options.watch) return reportText(report);
    const round = `${between}${report.at}\n${reportText(report)}`;
    between = '\n';
    return round;
  };
}
