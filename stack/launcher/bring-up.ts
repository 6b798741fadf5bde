/** How a stack comes up: its plan, and each step as soon as what it needs is there. */
import type { StartOptions } from './arguments';
import { loadCredentials } from './credentials';
import { say, showReady, step } from './display';
import type { Home } from './home';
import { createTopics, runJob, seedDemo } from './jobs';
import type { PartSpec } from './part';
import { portNames, type StackPlan } from './plan';
import { choosePorts, WELL_KNOWN } from './ports';
import { endLeftovers, type Stack } from './stack';

/** Ends what an earlier start left, chooses ports, reads or makes credentials. The folder must be ours by now. */
export async function planStack(home: Home, { scale }: StartOptions): Promise<StackPlan> {
  const left = await endLeftovers(home);
  if (left.length > 0) say(`  ended what an earlier start had left: ${left.join(', ')}`);
  const { ports, moved } = await choosePorts(home, portNames(scale), home.isUsual ? WELL_KNOWN : {});
  for (const name of moved) say(`  the port of ${name} was busy: it moved to ${ports[name]}`);
  return { home, ports, credentials: await loadCredentials(home), scale, env: process.env };
}

/**
 * Starts everything, each step as soon as what it needs is there. Our own processes come up side by side: any of them may be
 * restarted alone at any time, so none relies on another's being first.
 * @returns the id of a demo product, to try a checkout with
 */
export async function bringUp(stack: Stack, stackPlan: StackPlan): Promise<string> {
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
  const [productId] = await Promise.all([
    stores
      .then(() => parts(({ layer, name }) => layer > 2 && !needsTopics(name)))
      .then(() => step('seed', log('services'), () => seedDemo(stackPlan))),
    part('sandbox'),
    Promise.all([topics, schema]).then(() => parts(({ name }) => needsTopics(name))),
  ]);
  return productId;
}
