/**
 * A small port over kafkajs, which is no longer maintained: nothing else imports it.
 * One connection per use and few uses per process: every connection polls once a millisecond.
 */
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';

export interface KafkaSettings {
  readonly KAFKA_BROKERS: readonly string[];
  readonly KAFKA_TOPIC_PREFIX: string;
}

export const KAFKA_SETTINGS = ['KAFKA_BROKERS', 'KAFKA_TOPIC_PREFIX'] as const;

/** @param clientId in the broker's logs */
export function createKafka(
  settings: KafkaSettings,
  clientId: string,
  onLog: (fact: { readonly level: 'warn' | 'error'; readonly message: string }) => void,
): Kafka {
  const config: KafkaConfig = {
    clientId,
    brokers: [...settings.KAFKA_BROKERS],
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, level, log }) => {
        // Each refusal of a broker is an error to the client's connections, before it asks again; what stays refused is thrown.
        const isError = level === logLevel.ERROR && namespace !== 'Connection';
        const message = log.error === undefined ? log.message : `${log.message}: ${log.error}`;
        onLog({ level: isError ? 'error' : 'warn', message });
      },
  };
  return new Kafka(config);
}
