/**
 * The client of the engine: connects on first use, so that a service starts while Temporal is away.
 * No call waits without end: each carries a deadline, and a call that ran into it may have had its effect.
 */
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { type TemporalConfig, temporalEndpoint } from './connection';

export interface Temporal {
  readonly client: Client;
  readonly namespace: string;
  readonly taskQueue: string;
  /** base URL of the Web UI */
  readonly uiUrl: string;
  /** Runs a call that has to answer within `ms`. */
  within<T>(ms: number, call: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Repeats are short: four attempts within about a second. A server that is away should be told to the buyer at once,
 * and a workflow that has its full number of Updates in flight has room again after milliseconds.
 */
const RETRIES = defaultGrpcRetryOptions({
  maxAttempts: 4,
  factor: 2,
  initialIntervalMs: () => 60,
  maxIntervalMs: () => 600,
});

/** @returns a client that has not connected yet; `close` it */
export function createTemporal(config: TemporalConfig): Temporal {
  const connection = Connection.lazy({
    ...temporalEndpoint(config),
    connectTimeout: 3_000,
    interceptors: [makeGrpcRetryInterceptor(RETRIES)],
  });
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  return {
    client,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.TEMPORAL_TASK_QUEUE,
    uiUrl: config.TEMPORAL_UI_URL.replace(/\/+$/, ''),
    within: (ms, call) => connection.withDeadline(Date.now() + ms, call),
    close: () => connection.close(),
  };
}

/** Where the Web UI shows a workflow. */
export const sagaUrl = (temporal: Pick<Temporal, 'uiUrl' | 'namespace'>, workflowId: string): string =>
  `${temporal.uiUrl}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(workflowId)}`;
