/**
 * Rebuilds the gate from MariaDB, one worker at a time:
 *   1 delete the gate key: the sale pauses
 *   2 commit generation N+1: an acceptance of an older generation is refused from here on, so each reservation is either
 *     in the snapshot or refused
 *   3 one consistent snapshot
 *   4 write everything under g<N+1>, beside whatever is there
 *   5 set the gate key, if the row still says N+1 and the server is still the one that was written to
 * A crash at any point leaves the gate closed; the next rebuild begins with N+2.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { inTransaction, sqlOf } from '../mysql/transaction';
import { formatHold, formatRecord, mergeLines } from './hold';
import type { GenerationKeys } from './keys';
import type { OpenGate } from './open-gate';
import { createScripts } from './scripts';
import { KEY_LIFE_S, readSnapshot, type Snapshot } from './snapshot';
import { tokenOf } from './verified-key';

export interface RebuildDeps {
  readonly source: DataSource;
  /** over a connection for bulk work */
  readonly gate: OpenGate;
  /** who rebuilds: unique per process */
  readonly holder: string;
}
export interface Rebuilt {
  readonly generation: number;
  readonly products: number;
  readonly holds: number;
}

/** A rebuild that takes longer has died. */
const LEASE_S = 30;
/** Acceptances that were lost with the old gate may have used numbers that MariaDB never saw. */
const SEQUENCE_GAP = 1_000;
const PIPELINE = 2_000;

/** @returns null while another worker is at it, or when it was overtaken */
export async function rebuildGate(deps: RebuildDeps): Promise<Rebuilt | null> {
  const { source, gate, holder } = deps;
  const { redis, keys } = gate;
  if (!(await takeLease(source, holder))) return null;
  const runId = await gate.runId();
  await redis.del(keys.gate);
  const generation = await raiseGeneration(source, holder);
  if (generation === null) return null;
  const snapshot = await readSnapshot(source);
  await writeGeneration(redis, keys.of(generation), snapshot);
  if (!(await open(deps, { generation, runId }))) return null;
  const holds = snapshot.orders.filter((order) => order.isOpen).length;
  return { generation, products: snapshot.products.length, holds };
}

async function takeLease(source: DataSource, holder: string): Promise<boolean> {
  const affected = await sqlOf(source).change(
    `UPDATE gate SET lease_owner = ?, lease_until = UTC_TIMESTAMP(3) + INTERVAL ${LEASE_S} SECOND
     WHERE id = 1 AND (lease_owner IS NULL OR lease_owner = ? OR lease_until < UTC_TIMESTAMP(3))`,
    [holder, holder],
  );
  return affected === 1;
}

const raiseGeneration = (source: DataSource, holder: string): Promise<number | null> =>
  inTransaction(source, async (tx) => {
    const affected = await tx.change('UPDATE gate SET generation = generation + 1 WHERE id = 1 AND lease_owner = ?', [
      holder,
    ]);
    if (affected !== 1) return null;
    const [row] = await tx.rows<{ generation: number }>('SELECT generation FROM gate WHERE id = 1');
    return row?.generation ?? null;
  });

/** The row is locked while the key is set: no other rebuild can begin in between. */
const open = (
  { source, gate: { redis, keys }, holder }: RebuildDeps,
  at: { readonly generation: number; readonly runId: string },
): Promise<boolean> =>
  inTransaction(source, async (tx) => {
    const [row] = await tx.rows<{ generation: number; owner: string | null }>(
      'SELECT generation, lease_owner AS owner FROM gate WHERE id = 1 FOR UPDATE',
    );
    if (row?.generation !== at.generation || row.owner !== holder) return false;
    const token = tokenOf(at.generation, at.runId);
    const [answer] = await createScripts(redis)('openGate', { keys: [keys.gate], args: [token, at.runId, keys.rises] });
    await tx.change(
      'UPDATE gate SET lease_owner = NULL, lease_until = NULL, rebuilt_at = UTC_TIMESTAMP(3) WHERE id = 1',
    );
    return answer === 'opened';
  });

async function writeGeneration(redis: Redis, keys: GenerationKeys, snapshot: Snapshot): Promise<void> {
  const write = createWriter(redis);
  await write((pipe) => pipe.set(keys.sequence, String(snapshot.highestSequence + SEQUENCE_GAP)));
  for (const product of snapshot.products) {
    await write((pipe) =>
      pipe.hset(keys.product(product.productId), {
        available: product.available,
        rises: 0,
        changes: 0,
        applied: product.adjustments,
        name: product.name,
        price: product.price,
        opensAt: product.opensAt ?? '',
        closesAt: product.closesAt ?? '',
        limit: product.limitPerMember ?? '',
      }),
    );
  }
  for (const { productId, memberId, units } of snapshot.limits) {
    await write((pipe) => pipe.hset(keys.units(productId), memberId, units));
    await write((pipe) => pipe.sadd(keys.buyers(productId), memberId));
  }
  for (const order of snapshot.orders) await writeOrder(write, keys, order);
  await write(null);
}

async function writeOrder(write: Writer, keys: GenerationKeys, order: Snapshot['orders'][number]): Promise<void> {
  const { orderId, memberId, idempotencyKey, bodyHash, lines, isOpen, ageS } = order;
  const hold = formatHold({ memberId, idempotencyKey, lines: mergeLines(lines) });
  if (isOpen) await write((pipe) => pipe.hset(keys.holds, orderId, hold));
  for (const { productId } of lines) await write((pipe) => pipe.sadd(keys.buyers(productId), memberId));
  const lifeS = Math.max(60, KEY_LIFE_S - ageS);
  await write((pipe) =>
    pipe.set(keys.record(memberId, idempotencyKey), formatRecord({ orderId, bodyHash }), 'EX', lifeS),
  );
}

type Writer = (add: ((pipe: ChainableCommander) => unknown) | null) => Promise<void>;

/** Gathers commands and sends them by the thousand; null sends what is left. @throws the first error of a command */
function createWriter(redis: Redis): Writer {
  let pipe = redis.pipeline();
  return async (add) => {
    add?.(pipe);
    if (pipe.length === 0 || (add && pipe.length < PIPELINE)) return;
    const results = await pipe.exec();
    const failed = results?.find(([error]) => error !== null);
    if (failed?.[0]) throw failed[0];
    pipe = redis.pipeline();
  };
}

/** Removes what older generations left, in small steps. @returns how many keys */
export async function removeOldGenerations({ redis, keys }: OpenGate, current: number): Promise<number> {
  let removed = 0;
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', keys.anyGeneration, 'COUNT', 500);
    const old = found.filter((key) => (keys.generationOf(key) ?? current) < current);
    if (old.length > 0) removed += await redis.unlink(...old);
    cursor = next;
  } while (cursor !== '0');
  return removed;
}
