/** The payment provider's stand-in: opens its ledger, tells what it holds, and listens. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createBook, type LedgerLine } from './book';
import { openLedger } from './ledger-file';
import { createPayments } from './payments';
import { createRoutes } from './routes';
import { createHttpServer } from './server';
import { createWebhooks } from './webhooks';

export interface SandboxConfig {
  /** folder of `ledger.jsonl`, made when missing */
  readonly dir: string;
  readonly host: string;
  /** 0 lets the system choose */
  readonly port: number;
  readonly secretKey: string;
  /** the shop's webhook address; absent: no webhooks */
  readonly webhookUrl?: string | undefined;
  /** epoch milliseconds; for tests */
  readonly now?: () => number;
  readonly onError: (error: unknown) => void;
  /** the ledger cannot be written any more: the caller must end the process */
  readonly onLedgerFailure: (error: Error) => void;
}

export interface Sandbox {
  readonly url: string;
  readonly port: number;
  /** Lets running requests end, then closes webhooks and ledger. */
  stop(): Promise<void>;
}

export async function startSandbox(config: SandboxConfig): Promise<Sandbox> {
  const now = config.now ?? Date.now;
  const { ledger, lines } = await openLedger<LedgerLine>(join(config.dir, 'ledger.jsonl'), config.onLedgerFailure);
  const book = createBook(lines);
  const webhooks = createWebhooks(config.webhookUrl, now);
  const payments = createPayments({ book, ledger, webhooks, now });
  const work = trackWork(createRoutes({ book, ledger, payments, secretKey: config.secretKey, now }));
  const server = createHttpServer(work.run, config.onError);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host}:${port}`,
    port,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      // A kept-alive connection that finishes its request after `close` would otherwise hold the process.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearInterval(sweep);
      // A caller that hung up has no connection left, but its payment may still be under way.
      await work.ended();
      await webhooks.close();
      await ledger.close();
    },
  };
}

/** Wraps a function so that one can wait until no call of it is running. */
function trackWork<In, Out>(run: (input: In) => Promise<Out>) {
  const running = new Set<Promise<Out>>();
  return {
    run(input: In): Promise<Out> {
      const call = run(input).finally(() => running.delete(call));
      running.add(call);
      return call;
    },
    async ended(): Promise<void> {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
