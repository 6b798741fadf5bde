/** The provider's sandbox for tests: in this process, or as a process of its own that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox';

export const SECRET_KEY = 'test_sk_sandbox';

const ROOT = join(__dirname, '..', '..');

export const tempDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'firstcome-sandbox-'));
export const removeDir = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true });

export interface SandboxClient {
  readonly url: string;
  authorize(input: { orderId: string; amount: number; card?: string }): Promise<string>;
  behave(behaviour: Readonly<Record<string, unknown>>): Promise<void>;
  ledger(orderId?: string): Promise<Listing>;
  /** One raw call with the secret key. */
  call(method: 'GET' | 'POST', path: string, options?: CallOptions): Promise<Answer>;
}
export interface Listing {
  readonly captures: {
    paymentKey: string;
    orderId: string;
    amount: number;
    refunded: number;
    idempotencyKey: string;
  }[];
  readonly refunds: { paymentKey: string; orderId: string; amount: number }[];
  readonly totals: { captured: number; refunded: number; captures: number; refunds: number };
}
export interface CallOptions {
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly secretKey?: string;
}
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export function sandboxClient(url: string): SandboxClient {
  async function send(method: 'GET' | 'POST' | 'PUT', path: string, options: CallOptions = {}): Promise<Answer> {
    const { statusCode, body } = await request(`${url}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${options.secretKey ?? SECRET_KEY}:`).toString('base64')}`,
        'content-type': 'application/json',
        ...(options.idempotencyKey ? { 'idempotency-key': options.idempotencyKey } : {}),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    return { status: statusCode, body: (await body.json()) as Answer['body'] };
  }
  const expectStatus = ({ status, body }: Answer, expected: number): Answer['body'] => {
    if (status !== expected) throw new Error(`sandbox answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    url,
    call: send,
    authorize: async (input) =>
      String(expectStatus(await send('POST', '/sandbox/authorizations', { body: input }), 201).paymentKey),
    behave: async (behaviour) => void expectStatus(await send('PUT', '/sandbox/behaviour', { body: behaviour }), 200),
    ledger: async (orderId) =>
      expectStatus(
        await send('GET', `/sandbox/ledger${orderId ? `?orderId=${orderId}` : ''}`),
        200,
      ) as unknown as Listing,
  };
}

/** In this process, on a free port. Errors of the sandbox fail loudly. */
export function startTestSandbox(options: { dir: string; webhookUrl?: string; now?: () => number }): Promise<Sandbox> {
  const rethrow = (error: unknown): never => {
    throw error;
  };
  return startSandbox({
    host: '127.0.0.1',
    port: 0,
    secretKey: SECRET_KEY,
    onError: rethrow,
    onLedgerFailure: rethrow,
    ...options,
  });
}

export interface SandboxProcess {
  readonly url: string;
  /** SIGKILL, and waits until it is gone */
  kill(): Promise<void>;
}

/** A real process from the sources; ready when its log says where it listens. */
export async function spawnSandbox(dir: string): Promise<SandboxProcess> {
  const hook = join(ROOT, 'tests', 'support', 'ts-hook.cjs');
  const child = spawn(process.execPath, ['-r', hook, join(ROOT, 'sandbox', 'main.ts')], {
    env: { PATH: process.env.PATH, PORT: '0', SANDBOX_DIR: dir, PROVIDER_SECRET_KEY: SECRET_KEY },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await listeningUrl(child);
  return {
    url,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no output to read');
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url) return url;
  }
  throw new Error('the sandbox ended before it listened');
}
