/** The arguments of `npm run audit`. */
import { Command, InvalidArgumentError } from 'commander';

export interface AuditOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
  /** seconds */
  readonly wait: number;
  readonly observations?: string;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > WAIT_MAX_S) {
    throw new InvalidArgumentError(`must be seconds, from 0 to ${WAIT_MAX_S}`);
  }
  return value;
}

/** A day: whoever waits longer wants --watch. */
const WAIT_MAX_S = 86_400;

/** Prints help or what is wrong, and ends the process, when the arguments ask for that. */
export function parseOptions(): AuditOptions {
  return (
    new Command('npm run audit --')
      .description('Checks the invariants over MariaDB, Redis, Temporal and the provider')
      .option('--json', 'one JSON object on standard output')
      .option('--watch', 'during a sale: look again and again, until something is wrong (1) or Ctrl-C (0)')
      .option('--wait <seconds>', 'wait at most so long until everything is quiet', seconds, 0)
      .option('--observations <file>', 'what buyers were told, one JSON object a line')
      // 1 means a violation: arguments that make no sense are a check that could not be made.
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
      .showHelpAfterError()
      .parse()
      .opts<AuditOptions>()
  );
}
