/** The SDK's process-wide runtime: our logger, and no signal handling of its own. */
import { DefaultLogger, type LogEntry, Runtime } from '@temporalio/worker';
import type { Logger } from '../../infra/process/logger';

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';
const LEVELS: Readonly<Record<string, Level>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** Call once, before the first connection. */
export function installRuntime(logger: Logger): void {
  const write = ({ level, message, meta }: LogEntry): void => {
    logger[LEVELS[level] ?? 'info']({ ...meta }, message);
  };
  Runtime.install({
    logger: new DefaultLogger('WARN', write),
    // The process decides when to stop: intake first, then what it is made of.
    shutdownSignals: [],
  });
}
