/** What can be asked of a load: the command line, with its meaning, units and defaults. */
import { Command, InvalidArgumentError, Option } from 'commander';

export interface LoadOptions {
  readonly buyers: number;
  readonly units: number;
  readonly product?: string;
  /** checkouts per second; absent: all in the same instant */
  readonly rate?: number;
  /** share of the accepted buyers whose card is declined until their attempts are used */
  readonly decline: number;
  /** share of the accepted buyers who never pay */
  readonly abandon: number;
  /** milliseconds between acceptance and payment */
  readonly think: number;
  readonly url?: string;
  readonly sandbox?: string;
  readonly connections: number;
  /** seconds to wait for sagas to end, beyond the time a buyer has to pay */
  readonly patience: number;
  /** false: the audit is left out, and the verdict says so */
  readonly audit: boolean;
  readonly json: boolean;
}

const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  };

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('must be a share from 0 to 1');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be above 0');
  return value;
}

/** Only what our client can call: `localhost:8080` is a URL too, of the scheme `localhost`. */
function httpUrl(text: string): string {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('must be an http:// or https:// URL');
  }
  return text;
}

function sandboxOption(): Option {
  const option = new Option('--sandbox <url>', 'payment sandbox; by default that of the stack').argParser(httpUrl);
  // An empty variable counts as unset, as all our settings do.
  return process.env.SANDBOX_URL === '' ? option : option.env('SANDBOX_URL');
}

/** @throws CommanderError for arguments that make no sense (commander prints why and ends the process) */
export function parseOptions(argv: readonly string[]): LoadOptions {
  const command = new Command('load')
    .description('Many buyers, few units: real HTTP through the gateway, then a verdict.')
    .addOption(
      new Option('--buyers <n>', 'buyers, each a member of its own').default(1_000).argParser(whole(1, 200_000)),
    )
    .addOption(
      new Option('--units <n>', 'units of the fresh EVENT product').default(100).argParser(whole(0, 10_000_000)),
    )
    .option('--product <id>', 'an existing product instead of a fresh one')
    .addOption(new Option('--rate <n>', 'checkouts per second; without it all at once').argParser(positive))
    .addOption(new Option('--decline <share>', 'share of buyers whose card is declined').default(0).argParser(share))
    .addOption(new Option('--abandon <share>', 'share of buyers who never pay').default(0).argParser(share))
    .addOption(new Option('--think <ms>', 'time from acceptance to payment').default(0).argParser(whole(0, 600_000)))
    .option(
      '--url <url>',
      'gateway; by default the stack that runs here. Another needs --sandbox and ADMIN_PASSWORD',
      httpUrl,
    )
    .addOption(sandboxOption())
    .addOption(new Option('--connections <n>', 'connections to the gateway').default(512).argParser(whole(1, 10_000)))
    .addOption(
      new Option('--patience <s>', 'seconds to wait for the last saga beyond the time to pay')
        .default(120)
        .argParser(whole(1, 86_400)),
    )
    .option('--no-audit', 'do not audit the stores; with --url of another system they are not known here')
    .option('--json', 'one JSON object on standard output', false);
  const options = command.parse([...argv], { from: 'user' }).opts<LoadOptions>();
  if (options.decline + options.abandon > 1) command.error('--decline and --abandon are more than all buyers');
  // Buyers would authorise with the sandbox of this folder what another system confirms with its own.
  if (options.url && !options.sandbox) command.error('--url needs --sandbox: where do its buyers authorise payments?');
  return options;
}
