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

/**
 * Call once, before the first connection.
 * @param sagaUrl where the Web UI shows a workflow: every line that names one leads there
 */
export function installRuntime(logger: Logger, sagaUrl: (workflowId: string) => string): void {
  const linkOf = (workflowId: unknown) => (typeof workflowId === 'string' ? { sagaUrl: sagaUrl(workflowId) } : {});
  const write = ({ level, message, meta }: LogEntry): void => {
    logger[LEVELS[level] ?? 'info']({ ...meta, ...linkOf(meta?.workflowId) }, message);
  };
  Runtime.install({
    logger: new DefaultLogger('WARN', write),
    // The process decides when to stop: intake first, then what it is made of.
    shutdownSignals: [],
  });
}
