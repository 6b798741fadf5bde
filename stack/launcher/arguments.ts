/** Command line of the launcher. */
import { Command, InvalidArgumentError } from 'commander';
import { SERVICE_NAMES, type ServiceName } from '../../domain/names';

export interface StartOptions {
  readonly scale: Readonly<Partial<Record<ServiceName, number>>>;
}

const isService = (name: string | undefined): name is ServiceName => SERVICE_NAMES.some((each) => each === name);

/** `orders=3,payments=2`, and the option may be given again. */
function parseScale(text: string, before: StartOptions['scale']): StartOptions['scale'] {
  const scale = { ...before };
  for (const part of text.split(',')) {
    const [name, count] = part.split('=');
    if (!isService(name) || !/^[1-9]$/.test(count ?? '')) {
      throw new InvalidArgumentError(
        `expected one of ${SERVICE_NAMES.join(', ')} and a number of instances 1–9, such as orders=2`,
      );
    }
    scale[name] = Number(count);
  }
  return scale;
}

export function parseArguments(argv: readonly string[]): StartOptions {
  const program = new Command('npm start --')
    .description('Starts the whole system on this machine')
    .option('--scale <service=n>', 'instances of a service, e.g. orders=2', parseScale, {});
  return program.parse([...argv], { from: 'user' }).opts<StartOptions>();
}
