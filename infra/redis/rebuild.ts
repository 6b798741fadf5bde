/**
 * The rebuild: the gate is written anew from MariaDB, under the next generation, and opened last.
 *
 * 1. Delete the gate key: nobody reserves, and nothing accepted is touched.
 * 2. Commit the next generation. Acceptances read it in share mode and refuse a reservation of another one, so each is
 *    either committed before, hence in the snapshot, or refused.
 * 3. One consistent snapshot of MariaDB.
 * 4. Write everything beside what is there, under the new generation's keys.
 * 5. Set the gate key, if the row still has this generation, and the server is still the same and has not been wiped.
 *
 * A crash anywhere leaves the gate closed, and the next rebuild takes the generation after. What changed in MariaDB after
 * the snapshot comes by its own way: orders that end by `syncHold` (repeated until the gate is open), units by their
 * numbered adjustments, products by the drift check.
 */
import type { ChainableCommander } from 'ioredis';
import type { DataSource } from 'typeorm';
import { createGateRow, firstOrderIdAt, type GateReads, gateReads } from '../mysql/repositories/gate';
import { inSnapshot } from '../mysql/transaction';
import { formatHold, formatRecord, mergeLines } from './hold';
import type { GenerationKeys } from './keys';
import { removeGenerations } from './old-generations';
import type { OpenGate } from './open-gate';
import { productFields, toGateProduct } from './products';
import { BUYERS_MAX } from './reserve';
import { createScripts } from './scripts';
import { tokenOf } from './verified-key';

/** Renewed with every page: a worker that died is replaced after this, while the sale is closed. */
const LEASE_MS = 5_000;
/** Rows per read and commands per pipeline: large enough to be quick, small enough not to hold up anybody else. */
const PAGE = 2_000;
/** Sequence numbers skipped: those given out by the gate before and lost with it are never given again. */
const SEQUENCE_GAP = 1_000;
const KEYS_OF_H = 24;
const KEY_RECORD_S = (KEYS_OF_H + 1) * 3_600;

export type RebuildOutcome =
  | { readonly kind: 'rebuilt'; readonly generation: number }
  /** another worker has the lease */
  | { readonly kind: 'busy' }
  /** overtaken by another rebuild, or Redis restarted or was wiped meanwhile: try again */
  | { readonly kind: 'outdated' };

type Write = (fill: (pipeline: ChainableCommander) => void) => Promise<void>;

/** @throws when a store does not answer; the gate stays closed then, and the next rebuild starts over */
export async function rebuildGate(source: DataSource, gate: OpenGate): Promise<RebuildOutcome> {
  const row = createGateRow(source);
  if (!(await row.lease(LEASE_MS))) return { kind: 'busy' };
  try {
    const runId = await gate.runId();
    await gate.redis.del(gate.keys.gate);
    const generation = await row.nextGeneration();
    // Keys of this very generation are there only when MariaDB was replaced beside an older Redis.
    await removeGenerations(gate, (found) => found === generation);
    const write: Write = async (fill) => {
      await row.lease(LEASE_MS);
      await execute(gate, fill);
    };
    await inSnapshot(source, (sql) => writeGeneration(gate.keys.of(generation), gateReads(sql), write));
    const opened = await row.whileCurrent(generation, () => open(gate, generation, runId));
    return opened ? { kind: 'rebuilt', generation } : { kind: 'outdated' };
  } finally {
    await row.release();
  }
}

async function open(gate: OpenGate, generation: number, runId: string): Promise<boolean> {
  const args = [tokenOf(generation, runId), runId, gate.keys.rises];
  const [answer] = await createScripts(gate.redis)('openGate', {
    keys: [gate.keys.gate, gate.keys.of(generation).sequence],
    args,
  });
  return answer === 'opened';
}

async function writeGeneration(keys: GenerationKeys, reads: GateReads, write: Write): Promise<void> {
  const sequence = await reads.highestSequence();
  // First of all: without it the gate does not open, so a wipe after this is seen.
  await write((pipeline) => pipeline.set(keys.sequence, sequence + SEQUENCE_GAP));
  await writeProducts(keys, reads, write);
  await writeHolds(keys, reads, write);
  await writeKeys(keys, reads, write);
  await writeUnits(keys, reads, write);
}

const writeProducts = (keys: GenerationKeys, reads: GateReads, write: Write): Promise<void> =>
  eachPage(reads.products, '', (page) =>
    write((pipeline) => {
      for (const product of page) {
        pipeline.hset(keys.product(product.productId), {
          ...productFields(toGateProduct(product)),
          available: product.free,
          applied: product.adjustments,
          rises: 0,
          changes: 0,
        });
      }
    }),
  );

const writeHolds = (keys: GenerationKeys, reads: GateReads, write: Write): Promise<void> =>
  eachPage(reads.openOrders, '', (page) =>
    write((pipeline) => {
      for (const order of page) {
        pipeline.hset(keys.holds, order.orderId, formatHold({ ...order, lines: mergeLines(order.lines) }));
        for (const { productId } of order.lines) pipeline.sadd(keys.buyers(productId), order.memberId);
      }
    }),
  );

/** Idempotency keys of a day, and who may repeat a checkout of what. */
async function writeKeys(keys: GenerationKeys, reads: GateReads, write: Write): Promise<void> {
  const since = firstOrderIdAt(new Date(Date.now() - KEYS_OF_H * 3_600_000));
  const buyers = new Map<string, Set<string>>();
  await eachPage(reads.keyedOrders, since, (page) =>
    write((pipeline) => {
      for (const { orderId, memberId, idempotencyKey, bodyHash, createdAt, productIds } of page) {
        const leftS = KEY_RECORD_S - Math.floor((Date.now() - createdAt.getTime()) / 1_000);
        const text = formatRecord({ orderId, bodyHash });
        pipeline.set(keys.record(memberId, idempotencyKey), text, 'EX', Math.max(leftS, 1));
        for (const productId of productIds) {
          const named = buyers.get(productId) ?? new Set();
          buyers.set(productId, named);
          // All, or so many that the product has no sold-out cell: one who is missing would be told "sold out" at a repeat.
          if (named.size > BUYERS_MAX || named.has(memberId)) continue;
          named.add(memberId);
          pipeline.sadd(keys.buyers(productId), memberId);
        }
      }
    }),
  );
}

async function writeUnits(keys: GenerationKeys, reads: GateReads, write: Write): Promise<void> {
  let after = { productId: '', memberId: '' };
  for (;;) {
    const page = await reads.countedUnits(after, PAGE);
    const last = page.at(-1);
    if (!last) return;
    await write((pipeline) => {
      for (const { productId, memberId, units } of page) {
        if (units > 0) pipeline.hset(keys.units(productId), memberId, units);
      }
    });
    after = last;
  }
}

type Row = { readonly productId: string } | { readonly orderId: string };
const idOf = (row: Row): string => ('orderId' in row ? row.orderId : row.productId);

/** Calls `use` with page after page, by primary key. */
async function eachPage<R extends Row>(
  read: (after: string, limit: number) => Promise<readonly R[]>,
  first: string,
  use: (page: readonly R[]) => Promise<void>,
): Promise<void> {
  let after = first;
  for (;;) {
    const page = await read(after, PAGE);
    const last = page.at(-1);
    if (!last) return;
    await use(page);
    after = idOf(last);
  }
}

async function execute({ redis }: OpenGate, fill: (pipeline: ChainableCommander) => void): Promise<void> {
  const pipeline = redis.pipeline();
  fill(pipeline);
  if (pipeline.length === 0) return;
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}
