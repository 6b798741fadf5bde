/**
 * Set-up and entry of every npm command. Plain Node without dependencies: it runs in a fresh clone.
 * Ensures packages, servers and build (once, under a lock, remembered by a stamp), then hands over to dist/ in this very
 * process, so that one pid receives the signals.
 *
 *   node stack/setup.mjs set-up|start|test|doctor|reset|load|audit|histories|servers [arguments]
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { examine, show } from './setup/doctor.mjs';
import { archiveKafkaClasses } from './setup/kafka-classes.mjs';
import { endLeftovers, runningLauncher } from './setup/launcher-record.cjs';
import { withLock } from './setup/lock.mjs';
import { installPackages } from './setup/packages.mjs';
import { logTo, run, SetupError } from './setup/run.mjs';
import { isStamped, writeStamp } from './setup/stamp.mjs';
import { installKafka, installTemporal, toolsToFetch } from './setup/tools.mjs';

/** npm or a shell, without which nobody could stop what is started: read before anything takes time. */
const PARENT = process.ppid;
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const HOME = path.resolve(ROOT, process.env.FIRSTCOME_HOME || '.firstcome');
const SHARED = path.join(ROOT, '.firstcome');
const TOOLS = path.join(SHARED, 'tools');
const PINS = path.join(ROOT, 'stack', 'pins');
const STAMP = path.join(SHARED, 'set-up.stamp');
const LOG = path.join(SHARED, 'set-up.log');

/** What each command hands over to, as `main(arguments, command)`. */
const ENTRIES = {
  start: 'stack/start.js',
  test: 'stack/test.js',
  servers: 'stack/test-servers.js',
  load: 'stack/run-entry.js',
  audit: 'stack/run-entry.js',
  histories: 'stack/run-entry.js',
};

// Commands whose standard output is their result keep it clean.
const say = (text) => process.stderr.write(`${text}\n`);

function step(name, work) {
  const startedAt = Date.now();
  say(`  … ${name}`);
  const done = () => say(`  ✓ ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)   log: ${LOG}`);
  const result = work();
  return result instanceof Promise ? result.then(done) : done();
}

function preflight() {
  const faults = examine(ROOT, HOME).filter(({ ok, isInstallable }) => !ok && !isInstallable);
  if (faults.length === 0) return;
  show(faults, say);
  throw new SetupError('this machine cannot run Firstcome as it is; `npm run doctor` shows everything');
}

async function install() {
  if (isStamped(ROOT, STAMP)) return;
  logTo(LOG);
  await step('system packages', () => installPackages(say, toolsToFetch({ tools: TOOLS, pins: PINS })));
  await step('npm packages', () => run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: ROOT }));
  await step('Temporal', () => installTemporal({ tools: TOOLS, pins: PINS }));
  await step('Kafka', () => installKafka({ tools: TOOLS, pins: PINS }));
  await step("Kafka's classes", () =>
    // Without it everything works, and starts a little later: no reason to refuse this machine.
    archiveKafkaClasses({ tools: TOOLS }).catch((error) => say(`  ! not archived: ${error.message}`)),
  );
  writeStamp(ROOT, STAMP);
}

async function setUp() {
  preflight();
  mkdirSync(TOOLS, { recursive: true });
  await withLock(
    path.join(SHARED, 'set-up.lock'),
    async () => {
      await install();
      const { build } = await import('./build.mjs');
      const startedAt = Date.now();
      const { built, bundled } = await build();
      if (built > 0 || bundled) say(`  ✓ build: ${built} files (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
    },
    say,
  );
}

/** What outlives a reset: fetched programs, and the servers and runs of tests, which belong to whoever runs those. */
const KEPT = /^(tools|set-up\.|test-servers|runs)/;

/** Everything a stack has written goes. In plain Node: a clone may have data and a running stack, and no build. */
async function reset() {
  if (!existsSync(HOME)) return 0;
  const launcher = runningLauncher(HOME);
  if (launcher) throw new SetupError(`a stack is running (launcher pid ${launcher.pid}): stop it first`);
  await endLeftovers(HOME);
  for (const name of readdirSync(HOME).filter((entry) => !KEPT.test(entry)))
    rmSync(path.join(HOME, name), { recursive: true, force: true });
  say('  ✓ reset: the next start begins with nothing');
  return 0;
}

async function main([command = 'start', ...rest]) {
  if (command === 'doctor') {
    const checks = examine(ROOT, HOME);
    show(checks, (text) => process.stdout.write(`${text}\n`));
    return checks.every(({ ok }) => ok) ? 0 : 1;
  }
  if (command === 'reset') return reset();
  if (command !== 'set-up' && !(command in ENTRIES)) throw new SetupError(`unknown command: ${command}`);
  await setUp();
  if (command === 'set-up') return 0;
  if (process.ppid !== PARENT) throw new SetupError('whoever started this has gone meanwhile: it ends here');
  const require = createRequire(import.meta.url);
  return require(path.join(ROOT, 'dist', ENTRIES[command])).main(rest, command);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof SetupError ? `  ✗ ${error.message}` : `  ✗ ${error?.stack ?? error}`);
  process.exitCode = 1;
}
