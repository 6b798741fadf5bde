/** Logs of every process: one JSON line per fact on standard output, secrets removed. */
import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** Field names whose values never reach a log, at the top or one level down. */
const SECRETS = [
  'password',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
  'secretKey',
  'privateKey',
  'ticket',
];
const PATHS = [
  ...SECRETS.flatMap((field) => [field, `*.${field}`]),
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["x-firstcome-principal"]',
];

/** What errors of TypeORM, mysql2 and ioredis carry of the values that were sent: a hash of a password, a token. */
const SENT: ReadonlySet<string> = new Set(['parameters', 'sql', 'driverError', 'command']);

/** An error as it is logged: without the values of its statement, whose text (`query`) stays. */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const facts = Object.entries(pino.stdSerializers.err(error));
  return Object.fromEntries(facts.filter(([name]) => !SENT.has(name)));
}

/**
 * @param name  the process (`gateway`, `relay`), in every line as `name`
 * @param level pino level; `silent` in tests
 */
export function createLogger(name: string, level = 'info'): Logger {
  const options = {
    name,
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: PATHS, censor: '[redacted]' },
    serializers: { err: loggedError, error: loggedError },
  };
  // Written at once: by a thread, a line could land behind those that the exit writes, or never when the process is killed.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
