/**
 * The complete system under test, seen from behind: rows, gate counters, the sandbox's ledger, its processes.
 * Which one: the state folder in FIRSTCOME_HOME, set by `npm test`; alone, a test file uses the stack of `npm start`.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { Redis } from 'ioredis';
import { createDataSource } from '../../../infra/mysql/data-source';
import type { Credentials } from '../../../stack/launcher/credentials';
import { createHome, type Home, readJson } from '../../../stack/launcher/home';
import { commonEnv } from '../../../stack/launcher/plan';
import { type Ports, portOf } from '../../../stack/launcher/ports';
import { signal } from '../../../stack/launcher/process-life';
import type { StackFile } from '../../../stack/launcher/stack';
import { until } from '../../support/until';
import type { Buyer, Shop, ShopAddresses } from './shop';

const ROOT = path.resolve(__dirname, '..', '..', '..');
const WITHIN_MS = 60_000;
/** sign-ups under way at once: each costs a password hash on two sides */
const SIGN_UPS = 4;

export interface StockRow {
  readonly on_hand: number;
  readonly held: number;
  readonly sold: number;
}

function readState(home: Home) {
  const ports = readJson<Ports>(home.at('ports.json'));
  const credentials = readJson<Credentials>(home.at('credentials.json'));
  if (!ports || !credentials) throw new Error(`no stack has been started in ${home.dir}: npm start first`);
  return { ports, credentials };
}

/**
 * Connects to the running system; close it in afterAll.
 * @param home state folder of a stack of the test's own
 */
export async function connectSystem(home: Home = createHome(ROOT)) {
  const { ports, credentials } = readState(home);
  const env = commonEnv({ home, ports, credentials, scale: {}, env: {} });
  const url = (name: string): string => `http://127.0.0.1:${portOf(ports, name)}`;
  const addresses: ShopAddresses = { gateway: url('gateway'), sandbox: url('sandbox'), admin: credentials.admin };
  const source = createDataSource({ MYSQL_URL: env.MYSQL_URL ?? '', MYSQL_POOL_SIZE: 4 });
  await source.initialize();
  const redis = new Redis(env.REDIS_URL ?? '', { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);

  const rows = <T = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<T[]> =>
    source.query(sql, [...values]) as Promise<T[]>;
  const waitFor = <T>(what: string, look: () => Promise<T | null>): Promise<NonNullable<T>> =>
    until(look, { within: WITHIN_MS, what });

  const order = async (orderId: string): Promise<Record<string, unknown>> => {
    const [row] = await rows('SELECT id, member_id, status, amount, owner FROM orders WHERE id = ?', [orderId]);
    if (!row) throw new Error(`no row of ${orderId}`);
    return { ...row, amount: Number(row.amount) };
  };
  const gateAvailable = async (productId: string): Promise<number | null> => {
    const [generation] = ((await redis.get('{main}:gate')) ?? '').split(':');
    const available = await redis.hget(`{main}:g${generation}:product:${productId}`, 'available');
    return available === null ? null : Number(available);
  };
  const pidOf = (part: string): number => {
    const pid = parts()[part]?.pid;
    if (!pid) throw new Error(`${part} is not running`);
    return pid;
  };
  const parts = (): StackFile['parts'] => readJson<StackFile>(home.at('stack.json'))?.parts ?? {};

  return {
    home,
    addresses,
    env,
    rows,
    order,
    gateAvailable,
    parts,
    until: waitFor,

    async stock(productId: string): Promise<StockRow> {
      const [row] = await rows<StockRow>('SELECT on_hand, held, sold FROM stock WHERE product_id = ?', [productId]);
      if (!row) throw new Error(`no stock of ${productId}`);
      return { on_hand: row.on_hand, held: row.held, sold: row.sold };
    },

    /** The gate follows MariaDB: a moment later it shows the same. */
    untilGateAvailable: (productId: string, units: number): Promise<true> =>
      waitFor(`the gate to show ${units}`, async () => ((await gateAvailable(productId)) === units ? true : null)),

    untilOrder: (orderId: string, status: string): Promise<true> =>
      waitFor(`${orderId} to be ${status}`, async () => ((await order(orderId)).status === status ? true : null)),

    /** won that the provider holds for an order, by its own ledger */
    async captured(orderId: string): Promise<number> {
      const response = await fetch(`${addresses.sandbox}/sandbox/ledger?orderId=${orderId}`);
      const { totals } = (await response.json()) as { totals: { captured: number; refunded: number } };
      return totals.captured - totals.refunded;
    },

    /** Tells the sandbox how to behave, see PUT /sandbox/behaviour. */
    async behave(behaviour: Readonly<Record<string, unknown>>): Promise<void> {
      const response = await fetch(`${addresses.sandbox}/sandbox/behaviour`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(behaviour),
      });
      if (!response.ok) throw new Error(`behaviour answered ${response.status}: ${await response.text()}`);
    },

    /** So many members, logged in. */
    async crowd(shop: Shop, size: number): Promise<Buyer[]> {
      const buyers: Buyer[] = [];
      const signUp = async (): Promise<void> => {
        while (buyers.length < size) {
          const place = buyers.push(undefined as unknown as Buyer) - 1;
          buyers[place] = await shop.signUp();
        }
      };
      await Promise.all(Array.from({ length: SIGN_UPS }, signUp));
      return buyers;
    },

    /** kill -9 of a process of the stack. */
    kill: (part: string): void => signal(pidOf(part), 'SIGKILL'),

    /** Runs `act` while a process of the stack stands still, as one that is starved does: it is there, and does nothing. */
    async whileStopped<T>(part: string, act: () => Promise<T>): Promise<T> {
      const pid = pidOf(part);
      signal(pid, 'SIGSTOP');
      try {
        return await act();
      } finally {
        signal(pid, 'SIGCONT');
      }
    },

    isReady: async (part: string): Promise<boolean> => parts()[part]?.state === 'ready',

    /** The project's own audit, once everything is quiet. */
    audit(): Promise<{ ok: boolean; failed: unknown[] }> {
      return new Promise((resolve, reject) => {
        const args = [path.join(ROOT, 'dist', 'audit', 'main.js'), '--json', '--wait', '60'];
        execFile(process.execPath, args, { env: { ...process.env, ...env }, maxBuffer: 64 << 20 }, (error, stdout) => {
          try {
            const report = JSON.parse(stdout) as { ok: boolean; checks: { ok: boolean }[] };
            resolve({ ok: report.ok, failed: report.checks.filter((check) => !check.ok) });
          } catch {
            reject(error ?? new Error(`the audit printed: ${stdout.slice(0, 500)}`));
          }
        });
      });
    },

    async close(): Promise<void> {
      redis.disconnect();
      await source.destroy();
    },
  };
}

export type System = Awaited<ReturnType<typeof connectSystem>>;
