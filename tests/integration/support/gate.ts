/** A gate over a ledger of its own: what the tests of the gate have in common. */
import type { Redis } from 'ioredis';
import { createId } from '../../../domain/ids';
import type { Reservation } from '../../../infra/mysql/ledger';
import { BULK, connectRedis, waitUntilReady } from '../../../infra/redis/connection';
import { createDriftCheck } from '../../../infra/redis/drift';
import { createGateOn } from '../../../infra/redis/gate';
import type { Gate, ReserveOutcome, ReserveRequest } from '../../../infra/redis/gate-types';
import { createOpenGate, type OpenGate } from '../../../infra/redis/open-gate';
import { rebuildGate } from '../../../infra/redis/rebuild';
import { testServers, uniqueName } from '../../support/servers';
import { createLedgerFixture, type LedgerFixture } from './ledger';

export type Reserved = Extract<ReserveOutcome, { kind: 'reserved' }>;

export interface GateFixture extends LedgerFixture {
  readonly shop: string;
  readonly redis: Redis;
  readonly open: OpenGate;
  readonly gate: Gate;
  readonly checkDrift: ReturnType<typeof createDriftCheck>;
  rebuild(): Promise<number>;
  /** A gate of another process: its own connection. */
  another(): Promise<Gate>;
  /** A request nobody has sent before. */
  request(productId: string, given?: Partial<ReserveRequest>): ReserveRequest;
  reserve(productId: string, given?: Partial<ReserveRequest>): Promise<Reserved & { readonly request: ReserveRequest }>;
  /** Reserves and records, as a service does. */
  buy(productId: string, given?: Partial<ReserveRequest>): Promise<string>;
  available(productId: string): Promise<number | undefined>;
  holds(): Promise<Record<string, string>>;
  keys(): Promise<ReturnType<OpenGate['keys']['of']>>;
}

export const hashOf = (n = 0): string => n.toString(16).padStart(64, '0');

export const toReservation = (request: ReserveRequest, outcome: Reserved): Reservation => ({
  orderId: request.orderId,
  memberId: request.memberId,
  idempotencyKey: request.idempotencyKey,
  bodyHash: request.bodyHash,
  sequence: outcome.sequence,
  generation: outcome.generation,
  lines: outcome.lines,
  amount: outcome.amount,
  limits: outcome.limits,
  fromCart: false,
});

/** @param url another Redis than the shared one: for tests that wipe or restart it */
export async function createGateFixture(url = testServers().redis): Promise<GateFixture> {
  const ledgerFixture = await createLedgerFixture();
  const { ledger, source } = ledgerFixture;
  const shop = uniqueName('t');
  const connections: Redis[] = [];
  const readers = { readVerdict: ledger.holdVerdict, readAdjustments: ledger.readAdjustments };
  const connect = async () => {
    const redis = connectRedis(url, BULK);
    connections.push(redis);
    await waitUntilReady(redis, 5_000);
    return createOpenGate(redis, shop);
  };
  const open = await connect();
  const gate = createGateOn(open, readers);

  const request: GateFixture['request'] = (productId, given) => ({
    orderId: createId('ord'),
    memberId: createId('mem'),
    idempotencyKey: uniqueName('k'),
    bodyHash: hashOf(),
    lines: [{ productId, quantity: 1 }],
    ...given,
  });
  const reserve: GateFixture['reserve'] = async (productId, given) => {
    const asked = request(productId, given);
    const outcome = await gate.reserve(asked);
    if (outcome.kind !== 'reserved') throw new Error(`not reserved: ${JSON.stringify(outcome)}`);
    return { ...outcome, request: asked };
  };
  const keys = async () => {
    const at = await open.current();
    if (!at) throw new Error('the gate is closed');
    return open.keys.of(at.generation);
  };

  return {
    ...ledgerFixture,
    shop,
    redis: open.redis,
    open,
    gate,
    checkDrift: createDriftCheck({ source, open, gate, readAdjustments: ledger.readAdjustments }),
    async rebuild() {
      const outcome = await rebuildGate(source, open);
      if (outcome.kind !== 'rebuilt') throw new Error(`not rebuilt: ${outcome.kind}`);
      return outcome.generation;
    },
    another: async () => createGateOn(await connect(), readers),
    request,
    reserve,
    async buy(productId, given) {
      const { request: asked, ...outcome } = await reserve(productId, given);
      const [answer] = await ledger.acceptOrders([toReservation(asked, outcome)]);
      if (answer?.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
      return asked.orderId;
    },
    available: async (productId) => (await gate.readStock([productId])).get(productId)?.available,
    holds: async () => open.redis.hgetall((await keys()).holds),
    keys,
    async destroy() {
      for (const redis of connections) redis.disconnect();
      await ledgerFixture.destroy();
    },
  };
}
