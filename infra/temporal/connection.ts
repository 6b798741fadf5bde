/** How clients and workers reach Temporal: the dev server, a cluster, or Temporal Cloud (API key and TLS). */
import type { Config } from '../process/config';

export type TemporalConfig = Pick<
  Config,
  'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TEMPORAL_TASK_QUEUE' | 'TEMPORAL_API_KEY' | 'TEMPORAL_UI_URL'
>;

/** The settings above, for `readConfig`. */
export const TEMPORAL_SETTINGS = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TASK_QUEUE',
  'TEMPORAL_API_KEY',
  'TEMPORAL_UI_URL',
] as const;

export interface TemporalEndpoint {
  readonly address: string;
  readonly tls?: true;
  readonly apiKey?: string;
}

export const temporalEndpoint = (config: Pick<TemporalConfig, 'TEMPORAL_ADDRESS' | 'TEMPORAL_API_KEY'>) =>
  ({
    address: config.TEMPORAL_ADDRESS,
    ...(config.TEMPORAL_API_KEY ? { tls: true, apiKey: config.TEMPORAL_API_KEY } : {}),
  }) satisfies TemporalEndpoint;
