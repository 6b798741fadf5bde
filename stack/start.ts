/**
 * `npm start`: servers, schema, processes, demo data; then it watches over them until it is told to stop.
 * Stops in order on SIGINT, SIGTERM, SIGHUP, and when its parent disappears.
 */
import path from 'node:path';
import { parseArguments, type StartOptions } from './launcher/arguments';
import { loadCredentials } from './launcher/credentials';
import { say, showReady, showTable, showTry, step } from './launcher/display';
import { createHome, type Home } from './launcher/home';
import { createTopics, runJob, seedDemo } from './launcher/jobs';
import type { PartSpec } from './launcher/part';
import { partsOf, placesOf, portNames, type StackPlan } from './launcher/plan';
import { choosePorts, portOf, WELL_KNOWN } from './launcher/ports';
import { claimLauncher, createStack, endLeftovers, type Stack } from './launcher/stack';
import { untilTold } from './launcher/until-told';
import { temporalUiUrl } from './servers/temporal';

/** The folder is ours by now. */
async function plan(home: Home, { scale }: StartOptions): Promise<StackPlan> {
  const left = await endLeftovers(home);
  if (left.length > 0) say(`  ended what an earlier start had left: ${left.join(', ')}`);
  const { ports, moved } = await choosePorts(home, portNames(scale), home.isUsual ? WELL_KNOWN : {});
  for (const name of moved) say(`  the port of ${name} was busy: it moved to ${ports[name]}`);
  return { home, ports, credentials: await loadCredentials(home), scale, env: process.env };
}

/**
 * Each step as soon as what it needs is there. Our own processes come up side by side: any of them may be restarted
 * alone at any time, so none relies on another's being first.
 */
async function start(stack: Stack, stackPlan: StackPlan): Promise<void> {
  const { home } = stackPlan;
  const log = (name: string): string => home.at('logs', `${name}.log`);
  const parts = (chosen: (spec: PartSpec) => boolean) =>
    stack.start(chosen, (part, ms) => showReady(part.spec.name, ms, part.spec.log));
  const part = (name: string) => parts((spec) => spec.name === name);
  const job = (name: string, entry: string) => step(name, log(name), () => runJob(stackPlan, { name, entry }));

  const schema = part('mariadb').then(() => job('migrations', 'infra/mysql/migrate.js'));
  // The broker is the slowest of all, and only two of ours speak to it.
  const topics = part('kafka').then(() => step('topics', log('kafka'), () => createTopics(stackPlan)));
  const needsTopics = (name: string): boolean => name === 'relay' || name === 'consumers';
  const stores = Promise.all([schema, part('redis'), part('temporal')]);
  await Promise.all([
    part('sandbox'),
    stores
      .then(() => parts(({ layer, name }) => layer > 2 && !needsTopics(name)))
      .then(() => step('seed', log('services'), () => seedDemo(stackPlan))),
    Promise.all([topics, schema]).then(() => parts(({ name }) => needsTopics(name))),
  ]);
}

/** Runs the stack until it is told to stop. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseArguments(argv);
  const home = createHome(path.resolve(__dirname, '..', '..'));
  const other = claimLauncher(home);
  if (other) {
    say(
      `  ✗ a stack of this folder is running already (launcher pid ${other.pid}): stop it first, or set FIRSTCOME_HOME`,
    );
    return 1;
  }
  const stackPlan = await plan(home, options);
  const told = untilTold();
  const stack = createStack(stackPlan.home, partsOf(stackPlan), (sentence) => say(`  ${sentence}`));
  try {
    const up = start(stack, stackPlan).then(() => 'up' as const);
    if ((await Promise.race([up, told])) === 'up') {
      showTable(stack.parts);
      const url = (name: string): string => `http://127.0.0.1:${portOf(stackPlan.ports, name)}`;
      const temporalUi = temporalUiUrl(placesOf(stackPlan).temporal);
      showTry(
        { gateway: url('gateway'), sandbox: url('sandbox'), temporalUi },
        stackPlan.credentials,
        stackPlan.home.at('credentials.json'),
        process.env.FIRSTCOME_HOME,
      );
      // Set-up ran in this very process: what it took counts for whoever waits.
      say(`  ready after ${process.uptime().toFixed(1)} s`);
    }
    say(`  stopping (${await told})`);
    return 0;
  } catch (error) {
    say(`  ✗ ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await stack.stop();
    say('  stopped');
  }
}
