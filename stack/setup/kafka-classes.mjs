/**
 * Kafka's classes, read and checked once: a broker that starts from such an archive takes a third less of the machine for it
 * (docs/performance.md). One is run in a folder of its own until it serves, and writes the archive as it ends. The JVM
 * itself refuses an archive that is not of this very JVM and these jars, and loads the classes from the jars then.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { find, PROGRAMS } from './find.cjs';
import { birthOf, endProcess } from './process-life.cjs';
import { run, SetupError } from './run.mjs';

const WITHIN_MS = 90_000;
/** what a broker that was killed takes to be gone */
const ENDS_WITHIN_MS = 5_000;
const SERVES = 'Kafka Server started';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Kafka's id of a cluster is 22 characters of base64url; nobody ever meets this one. */
const CLUSTER = 'Fclass-archive-000000w';

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const properties = (folder, port, controllerPort) =>
  [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${path.join(folder, 'data')}`,
    'offsets.topic.replication.factor=1',
    '',
  ].join('\n');

const recordIn = (folder) => path.join(folder, 'broker.json');

/** The broker of a set-up that was killed, when it was written down whole, else null. */
function leftoverIn(folder) {
  try {
    return JSON.parse(readFileSync(recordIn(folder), 'utf8'));
  } catch {
    return null;
  }
}

/** Told to stop, set-up leaves nobody behind. @returns what takes that back */
function endWithUs(broker) {
  const end = () => broker.kill('SIGKILL');
  const endAndGo = (signal) => {
    end();
    process.exit(128 + os.constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.once(signal, endAndGo);
  process.once('exit', end);
  return () => {
    for (const signal of SIGNALS) process.off(signal, endAndGo);
    process.off('exit', end);
  };
}

/** Runs the broker until it says that it serves, ends it, and waits until it has written the archive. */
async function untilServed(java, args, folder) {
  const broker = spawn(java, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const release = endWithUs(broker);
  const patience = setTimeout(() => broker.kill('SIGKILL'), WITHIN_MS);
  let said = '';
  let hasServed = false;
  const hear = (chunk) => {
    said = (said + chunk).slice(-4_000);
    if (hasServed || !said.includes(SERVES)) return;
    hasServed = true;
    broker.kill('SIGTERM');
  };
  broker.stdout.on('data', hear);
  broker.stderr.on('data', hear);
  try {
    if (broker.pid !== undefined) writeFileSync(recordIn(folder), JSON.stringify(birthOf(broker.pid)));
    const [, signal] = await once(broker, 'close');
    if (signal === 'SIGKILL') throw new SetupError(`Kafka was not done within ${WITHIN_MS / 1_000} s:\n${said}`);
    if (!hasServed) throw new SetupError(`Kafka ended before it served:\n${said}`);
  } finally {
    clearTimeout(patience);
    release();
    // Gone already, unless it could not be written down.
    broker.kill('SIGKILL');
  }
}

/** Makes `kafka.jsa` beside the jars' folder, unless it is there. @throws SetupError with what Kafka said */
export async function archiveKafkaClasses({ tools }) {
  const archive = path.join(tools, 'kafka.jsa');
  if (existsSync(archive)) return;
  const { file: java } = find(PROGRAMS.java);
  const classPath = ['-cp', path.join(tools, 'kafka', '*')];
  const folder = path.join(tools, 'kafka.jsa.new');
  // No record of a stack knows it, and only one set-up runs at a time.
  const leftover = leftoverIn(folder);
  if (leftover) await endProcess(leftover, ENDS_WITHIN_MS, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const config = path.join(folder, 'server.properties');
    const made = path.join(folder, 'kafka.jsa');
    writeFileSync(config, properties(folder, await freePort(), await freePort()));
    run(java, [...classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', config]);
    const settings = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-XX:ArchiveClassesAtExit=${made}`];
    await untilServed(java, [...settings, ...classPath, 'kafka.Kafka', config], folder);
    if (!existsSync(made)) throw new SetupError('Kafka ended without writing its classes');
    renameSync(made, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
