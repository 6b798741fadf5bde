/** Work done once per start, between layers: schema, topics, demo data. What a later start only looks at needs no process. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { createKafka, KAFKA_SETTINGS } from '../../infra/kafka/connection';
import { ensureTopics } from '../../infra/kafka/topics';
import { readConfig } from '../../infra/process/config';
import { createFirstAdmin } from '../first-admin';
import { seedShop } from '../seed-shop';
import { nodeCommand } from './node-command';
import { commonEnv, ownEnv, type StackPlan } from './plan';

/** Runs a compiled entry to its end. @throws with the log's place when it fails */
export async function runJob(plan: StackPlan, job: { readonly name: string; readonly entry: string }): Promise<void> {
  const logFile = plan.home.at('logs', `${job.name}.log`);
  const log = openSync(logFile, 'a');
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const [command = '', ...args] = nodeCommand(path.join(plan.home.root, 'dist', job.entry));
      const child = spawn(command, args, {
        env: ownEnv(plan),
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

/** The topics that are missing. The launcher speaks Kafka already, to see whether it serves: this needs no process of its own. */
export async function createTopics(plan: StackPlan): Promise<void> {
  const settings = readConfig(KAFKA_SETTINGS, ownEnv(plan));
  await ensureTopics(
    createKafka(settings, 'launcher', () => undefined),
    settings.KAFKA_TOPIC_PREFIX,
  );
}

/**
 * Demo data, unless it is there; by the gateway's own address, whatever buyers are told.
 * @returns the id of a demo product, to try a checkout with
 * @throws with what the shop answered
 */
export function seedDemo(plan: StackPlan): Promise<string> {
  const { PUBLIC_URL: gateway, ...mysql } = readConfig(['MYSQL_URL', 'MYSQL_SOCKET', 'PUBLIC_URL'], commonEnv(plan));
  const { admin, members } = plan.credentials;
  return seedShop({ gateway, admin, members, createAdmin: (login) => createFirstAdmin(mysql, login) });
}
