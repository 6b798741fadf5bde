/**
 * The life of a process: start, run, and on SIGTERM or SIGINT stop intake, drain, release in reverse, exit.
 *
 *   runProcess({
 *     name: 'relay',
 *     start: async ({ logger, metrics, releasers }) => {
 *       const config = readConfig(['MYSQL_URL', …]);
 *       const source = await createDataSource(config).initialize();
 *       releasers.add('mysql', () => source.destroy());
 *       const relay = startRelay(…);
 *       return { stop: () => relay.drain() };
 *     },
 *   });
 */
import closeWithGrace from 'close-with-grace';
import { ConfigError, EX_CONFIG, readConfig } from './config';
import { createLogger, type Logger } from './logger';
import { createMetrics, type Metrics } from './metrics';
import { createReleasers, type Releasers } from './releasers';
import { showSources } from './source-maps';

export { type HealthOptions, type HealthServer, serveHealth } from './health';
export { createReleasers, type Releasers } from './releasers';

/** below the launcher's own patience before it kills */
const GRACE_MS = 20_000;

export interface ProcessContext {
  readonly name: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Register each acquisition here; released after `stop`, last first. */
  readonly releasers: Releasers;
}

export interface Running {
  /** Stops intake and drains what was taken in; connections are still open. */
  stop?(): unknown;
}

export interface ProcessDescription {
  readonly name: string;
  /** from the signal to a forced exit; 20 seconds unless given */
  readonly graceMs?: number;
  start(context: ProcessContext): Promise<Running>;
}

/**
 * Runs an entry point. Never returns to its caller's hands: the process ends by signal (exit 0),
 * by a failed start (1; 78 when the configuration is faulty) or by an uncaught error (1).
 */
export function runProcess(description: ProcessDescription): void {
  void run(description);
}

async function run({ name, graceMs = GRACE_MS, start }: ProcessDescription): Promise<void> {
  showSources();
  const logger = createLogger(name, levelOf(process.env.LOG_LEVEL));
  const context: ProcessContext = { name, logger, metrics: createMetrics(name), releasers: createReleasers(logger) };
  let running: Running | undefined;

  // A stop that is cut short must say why: its process ends at once, with exit code 1.
  const cutShort = {
    onSecondSignal: (signal: string) => logger.warn({ signal }, 'told again to stop: not waiting for the rest'),
    onSecondError: (error: unknown) => logger.fatal({ error }, 'uncaught error while stopping'),
    onTimeout: (afterMs: number) => logger.fatal({ afterMs }, 'stopping took too long'),
  };
  // A signal during the start must not wait for it: what was acquired so far is released.
  closeWithGrace({ delay: graceMs, logger: false, skip: ['SIGHUP'], ...cutShort }, async ({ signal, err }) => {
    if (err) logger.fatal({ error: err }, 'uncaught error');
    logger.info({ signal }, 'stopping');
    // Also after an uncaught error: a drain that fails must not keep the connections from closing.
    await Promise.resolve()
      .then(() => running?.stop?.())
      .catch((error: unknown) => logger.error({ error }, 'stop failed'));
    await context.releasers.releaseAll();
    logger.info('stopped');
  });

  try {
    running = await start(context);
    logger.info('started');
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${name}: ${error.message}\n`);
    logger.fatal({ error }, 'start failed');
    await context.releasers.releaseAll();
    process.exit(error instanceof ConfigError ? EX_CONFIG : 1);
  }
}

/** A faulty LOG_LEVEL is reported by the entry's own `readConfig`; until then, info. */
function levelOf(raw: string | undefined): string {
  try {
    return readConfig(['LOG_LEVEL'], { LOG_LEVEL: raw }).LOG_LEVEL;
  } catch {
    return 'info';
  }
}
