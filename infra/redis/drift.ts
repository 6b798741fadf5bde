/**
 * The drift check: what the gate believes, beside what MariaDB says.
 *
 *   available = on_hand − held − sold − Σ(holds without a row)
 *
 * Redis is read first, then MariaDB, and a repair is a compare-and-set on the product's `changes`: it happens only when
 * nothing moved between, so the difference is no step under way. A difference may also be a hold that should have gone,
 * or one that is missing; those are put right first, and only what still differs afterwards is written as a number.
 */
import type { DataSource } from 'typeorm';
import { gateReads, type StockedProduct } from '../mysql/repositories/gate';
import { inSnapshot, sqlOf } from '../mysql/transaction';
import type { Gate } from './gate-types';
import { parseHold } from './hold';
import { createHoldCheck } from './hold-check';
import type { OpenGate } from './open-gate';
import { productFields, putProduct, type ReadAdjustments, toGateProduct } from './products';

const PAGE = 500;

export interface DriftDeps {
  readonly source: DataSource;
  readonly open: OpenGate;
  readonly gate: Gate;
  readonly readAdjustments: ReadAdjustments;
}
export interface DriftReport {
  /** products whose available was corrected, with the difference in units */
  readonly repaired: readonly { readonly productId: string; readonly units: number }[];
  /** holds removed, because their order has ended or never came to be */
  readonly removedHolds: number;
  /** products that MariaDB had and the gate had not, or had otherwise */
  readonly writtenProducts: number;
}

/** A product as the gate has it. */
interface Believed {
  readonly available: number;
  readonly applied: number;
  readonly changes: string;
  readonly fields: string;
}
interface Difference {
  readonly productId: string;
  readonly changes: string;
  readonly expected: number;
  readonly units: number;
}

export function createDriftCheck({ source, open, gate, readAdjustments }: DriftDeps) {
  const holds = createHoldCheck({ open, gate, reads: gateReads(sqlOf(source)) });

  const believedOf = async (generation: number, productIds: readonly string[]) => {
    const keys = open.keys.of(generation);
    const pipeline = open.redis.pipeline();
    for (const productId of productIds) pipeline.hgetall(keys.product(productId));
    const answers = (await pipeline.exec()) ?? [];
    const believed = new Map<string, Believed>();
    answers.forEach(([error, hash], index) => {
      if (error) throw error;
      const { available, applied, changes, name, price, opensAt, closesAt, limit } = hash as Record<string, string>;
      if (available === undefined || changes === undefined) return;
      const fields = JSON.stringify([name, price, opensAt, closesAt, limit]);
      const productId = productIds[index] ?? '';
      believed.set(productId, { available: Number(available), applied: Number(applied), changes, fields });
    });
    return believed;
  };

  const catchUp = async (productId: string, applied: number): Promise<void> => {
    for (const missing of await readAdjustments(productId, applied)) await gate.applyAdjustment(missing);
  };

  /** Brings window, price and missing adjustments; true when the units may be compared. */
  const isComparable = async (product: StockedProduct, is: Believed | undefined): Promise<boolean> => {
    if (is && product.adjustments > is.applied) await catchUp(product.productId, is.applied);
    return is !== undefined && product.adjustments <= is.applied;
  };

  const writeProduct = async (product: StockedProduct, is: Believed | undefined): Promise<boolean> => {
    const wanted = toGateProduct(product);
    if (is?.fields === JSON.stringify(Object.values(productFields(wanted)))) return false;
    const put = await putProduct(open, wanted, is?.changes ?? 'none');
    if (put && !is) await catchUp(product.productId, 0);
    return put;
  };

  const comparePage = async (generation: number, productIds: readonly string[], after: string) => {
    const believed = await believedOf(generation, productIds);
    const fresh = await holds.readFresh(generation);
    const { products, known } = await inSnapshot(source, async (sql) => ({
      products: await gateReads(sql).products(after, productIds.length),
      known: await gateReads(sql).known(fresh.map(({ orderId }) => orderId)),
    }));
    const withoutRow = unitsOf(fresh.filter(({ orderId }) => !known.has(orderId)));
    const differences: Difference[] = [];
    let written = 0;
    for (const product of products) {
      const { productId, free } = product;
      const is = believed.get(productId);
      const expected = free - (withoutRow.get(productId) ?? 0);
      if ((await isComparable(product, is)) && is && is.available !== expected) {
        differences.push({ productId, changes: is.changes, expected, units: expected - is.available });
      }
      if (await writeProduct(product, is)) written += 1;
    }
    return { differences, written };
  };

  const stillQuiet = async (generation: number, differences: readonly Difference[]): Promise<readonly Difference[]> => {
    const now = await believedOf(
      generation,
      differences.map(({ productId }) => productId),
    );
    return differences.filter(({ productId, changes }) => now.get(productId)?.changes === changes);
  };

  const repair = async (difference: Difference): Promise<boolean> => {
    const { productId, changes, expected } = difference;
    const ran = await open.run('repairAvailable', (keys) => ({
      keys: [keys.product(productId)],
      args: [productId, changes, expected, open.keys.rises],
    }));
    return ran?.reply[0] === 'repaired';
  };

  const checkPage = async (generation: number, productIds: readonly string[], after: string) => {
    const first = await comparePage(generation, productIds, after);
    const suspects = await stillQuiet(generation, first.differences);
    if (suspects.length === 0) return { repaired: [], removed: 0, written: first.written };
    const removed = await holds.reconcile(generation);
    const second = await comparePage(generation, productIds, after);
    const isSuspect = new Set(suspects.map(({ productId }) => productId));
    const repaired: { productId: string; units: number }[] = [];
    for (const difference of second.differences) {
      if (isSuspect.has(difference.productId) && (await repair(difference))) repaired.push(difference);
    }
    return { repaired, removed, written: first.written + second.written };
  };

  /** One round over all products. Null: the gate is closed. @throws when a store does not answer */
  return async (): Promise<DriftReport | null> => {
    const reads = gateReads(sqlOf(source));
    const at = (await open.run('readStock', () => ({ keys: [], args: [] })))?.generation;
    if (at === undefined) return null;
    const repaired: { productId: string; units: number }[] = [];
    let removedHolds = await holds.removeStale(at);
    let writtenProducts = 0;
    for (
      let after = '', page = await reads.products(after, PAGE);
      page.length > 0;
      page = await reads.products(after, PAGE)
    ) {
      const productIds = page.map(({ productId }) => productId);
      const result = await checkPage(at, productIds, after);
      repaired.push(...result.repaired.map(({ productId, units }) => ({ productId, units })));
      removedHolds += result.removed;
      writtenProducts += result.written;
      after = productIds.at(-1) ?? '';
    }
    return { repaired, removedHolds, writtenProducts };
  };
}
export type CheckDrift = ReturnType<typeof createDriftCheck>;

function unitsOf(holds: readonly { readonly text: string }[]): ReadonlyMap<string, number> {
  const units = new Map<string, number>();
  for (const { text } of holds) {
    for (const { productId, quantity } of parseHold(text).lines) {
      units.set(productId, (units.get(productId) ?? 0) + quantity);
    }
  }
  return units;
}
