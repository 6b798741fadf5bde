/**
 * Errors of MariaDB, Redis and Temporal that mean "not reachable, try again": the one place that tells them
 * from faults of ours. Answered as 503, so that a client repeats under the same key.
 */

const UNREACHABLE_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT', // a unix socket whose server is gone
  'PROTOCOL_CONNECTION_LOST',
  'POOL_CLOSED',
]);
/** MariaDB: too many connections, shutdown, lock waits and deadlocks that outlived their retries, read-only, killed. */
const UNREACHABLE_ERRNOS: ReadonlySet<unknown> = new Set([1040, 1053, 1129, 1205, 1213, 1020, 1290, 1836, 1927, 3024]);
/** gRPC: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE. */
const UNREACHABLE_GRPC: ReadonlySet<unknown> = new Set([4, 8, 14]);
const UNREACHABLE_NAMES: ReadonlySet<unknown> = new Set([
  'MaxRetriesPerRequestError',
  'CannotExecuteNotConnectedError',
  'CannotConnectAlreadyConnectedError',
  'CommitUnknown',
]);
/** ioredis and mysql2 tell these by text only. */
const UNREACHABLE_TEXT =
  /^(Connection is closed|Stream isn't writeable|Command timed out|Pool is closed|Can't add new command when connection is in closed state|LOADING |MASTERDOWN |READONLY |TRYAGAIN |CLUSTERDOWN )/;

/** An errno is MariaDB's only next to SQL: Node's own system errors carry negative ones. */
const isUnreachableItself = (error: Error & { code?: unknown; errno?: unknown }): boolean =>
  UNREACHABLE_CODES.has(error.code) ||
  UNREACHABLE_ERRNOS.has(error.errno) ||
  UNREACHABLE_NAMES.has(error.name) ||
  (typeof error.code === 'number' && 'details' in error && UNREACHABLE_GRPC.has(error.code)) ||
  UNREACHABLE_TEXT.test(error.message);

/** True for an error, or a cause of it, that says a system behind us cannot be reached now. */
export function isUnreachable(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 5) return false;
  if (isUnreachableItself(error)) return true;
  const inner = [error.cause, 'driverError' in error ? error.driverError : undefined];
  if (error instanceof AggregateError) inner.push(...error.errors);
  return inner.some((each) => isUnreachable(each, depth + 1));
}
