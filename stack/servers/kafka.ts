/** Kafka: one broker, its own controller (KRaft). */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { isListening } from '../launcher/readiness';
import { type ServerPlace, type ServerSpec, serverEnv } from './server-spec';
import { findJava } from './tools';

export interface KafkaPlace extends ServerPlace {
  readonly controllerPort: number;
  /** folder of the broker's jars */
  readonly jars: string;
}

export const kafkaBrokers = ({ port }: ServerPlace): string => `127.0.0.1:${port}`;

const properties = ({ dir, port, controllerPort }: KafkaPlace): string =>
  [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    `log.dirs=${path.join(dir, 'data')}`,
    // One broker: what is replicated elsewhere is one copy here.
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    'num.partitions=4',
    // Nobody asks it by JMX, and its cleaner has a few megabytes to compact: half of the heap would be set aside for that.
    'metric.reporters=',
    'log.cleaner.dedupe.buffer.size=16777216',
    '',
  ].join('\n');

/** The jars, and the archive of their classes that set-up has made of them (stack/setup/kafka-classes.mjs), if it has. */
const classes = ({ jars }: KafkaPlace): string[] => [
  `-XX:SharedArchiveFile=${jars}.jsa`,
  '-Xshare:auto',
  ...['-cp', path.join(jars, '*')],
];

async function format(place: KafkaPlace): Promise<void> {
  mkdirSync(place.dir, { recursive: true });
  const file = path.join(place.dir, 'server.properties');
  writeFileSync(file, properties(place));
  if (existsSync(path.join(place.dir, 'data', 'meta.properties'))) return;
  // An id that began with a hyphen would be read as an option.
  const clusterId = `F${randomBytes(16).toString('base64url').slice(1)}`;
  await promisify(execFile)(
    findJava(),
    [...classes(place), 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file],
    { env: serverEnv() },
  );
}

export function kafkaSpec(place: KafkaPlace): ServerSpec {
  const kafka = new Kafka({
    clientId: 'readiness',
    brokers: [kafkaBrokers(place)],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 0 },
  });
  return {
    name: 'kafka',
    command: findJava(),
    args: [
      // A broker for one machine: small heap, quick start.
      ...[
        '-Xms192m',
        '-Xmx256m',
        '-Xmn96m',
        '-XX:TieredStopAtLevel=1',
        '-XX:+UseSerialGC',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      ],
      ...classes(place),
      ...['kafka.Kafka', path.join(place.dir, 'server.properties')],
    ],
    env: serverEnv(),
    log: place.log,
    url: kafkaBrokers(place),
    prepare: () => format(place),
    isReady: async () => {
      if (!(await isListening(place.port))) return false;
      const admin = kafka.admin();
      try {
        await admin.connect();
        return (await admin.describeCluster()).brokers.length === 1;
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    },
  };
}
