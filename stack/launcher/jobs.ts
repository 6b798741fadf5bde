/** Work done once per start, between layers: schema, topics, demo data. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { nodeCommand } from './node-command';
import { ownEnv, type StackPlan } from './plan';

/** Runs a compiled entry to its end. @throws with the log's place when it fails */
export async function runJob(
  plan: StackPlan,
  job: { readonly name: string; readonly entry: string; readonly env?: Readonly<Record<string, string>> },
): Promise<void> {
  const logFile = plan.home.at('logs', `${job.name}.log`);
  const log = openSync(logFile, 'a');
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const [command = '', ...args] = nodeCommand(path.join(plan.home.root, 'dist', job.entry));
      const child = spawn(command, args, {
        env: { ...ownEnv(plan), ...job.env },
        stdio: ['ignore', log, log],
      });
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code !== 0) throw new Error(`${job.name} failed (exit code ${code}); its log: ${logFile}`);
  } finally {
    closeSync(log);
  }
}
