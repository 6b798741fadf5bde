/** A Temporal server whose clock jumps over waits nobody is at work in: deadlines of minutes pass in milliseconds. */
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { findTemporalTestServer } from '../../../stack/servers/tools';
import { createWorld, type World } from './world';

const TOOLS = path.join(__dirname, '..', '..', '..', '.firstcome', 'tools');

export interface SkippingWorld extends World {
  /** Lets the server's clock pass by so many milliseconds. */
  passes(ms: number): Promise<void>;
  /** epoch milliseconds, by the server's clock */
  now(): Promise<number>;
}

export async function createSkippingWorld(options: { maxCachedWorkflows?: number } = {}): Promise<SkippingWorld> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: findTemporalTestServer(TOOLS) } },
  });
  const { KEYWORD_LIST, KEYWORD } = { KEYWORD_LIST: 7, KEYWORD: 2 };
  await environment.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: { OrderIds: KEYWORD_LIST, MemberIds: KEYWORD_LIST, ProductIds: KEYWORD_LIST, Phase: KEYWORD },
  });
  const world = await createWorld({
    client: environment.client,
    connection: environment.nativeConnection,
    now: () => environment.currentTimeMs(),
    ...options,
  });
  return {
    ...world,
    now: () => environment.currentTimeMs(),
    passes: (ms) => environment.sleep(ms),
    stop: async () => {
      await world.stop();
      await environment.teardown();
    },
  };
}
