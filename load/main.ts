/** `npm run load -- --buyers 1000 --units 100`: exit code 1 when the verdict is not ok. */
import { parseOptions } from './options';
import { reportText } from './report';
import { runLoad } from './run';
import { findTarget, LoadError } from './stack';

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const target = await findTarget(options, process.env);
  const report = await runLoad(options, target, process.env);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report));
  return report.verdict.ok ? 0 : 1;
}

// A reader that has gone, as `head` does, is no failure of the load.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(
      `load: ${error instanceof LoadError ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
    );
    process.exitCode = 1;
  },
);
