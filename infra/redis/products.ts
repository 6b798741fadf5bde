/** Products in the gate: what buyers are judged by, and how units come. */
import type { Adjustment } from '../mysql/ledger/types';
import type { StockedProduct } from '../mysql/repositories/gate';
import type { Gate, GateProduct, GateStock } from './gate-types';
import type { OpenGate } from './open-gate';

export type ReadAdjustments = (productId: string, afterN: number) => Promise<readonly Adjustment[]>;

const STOCK_FIELDS = 4;
const numberOrNull = (text: string): number | null => (text === '' ? null : Number(text));

export const toGateProduct = (product: StockedProduct): GateProduct => ({
  productId: product.productId,
  name: product.name,
  price: product.price,
  opensAt: product.opensAt?.getTime() ?? null,
  closesAt: product.closesAt?.getTime() ?? null,
  limitPerMember: product.limitPerMember,
});

/** What a product is judged by, as it stands in its hash; in the order in which putProduct takes it. */
export const productFields = (product: GateProduct) => ({
  name: product.name,
  price: String(product.price),
  opensAt: textOf(product.opensAt),
  closesAt: textOf(product.closesAt),
  limit: textOf(product.limitPerMember),
});
const textOf = (value: number | null): string => (value === null ? '' : String(value));

/**
 * Writes a product; `expectedChanges` makes it a compare-and-set.
 * @returns false when the gate is closed, or the product moved meanwhile
 */
export async function putProduct(gate: OpenGate, product: GateProduct, expectedChanges = ''): Promise<boolean> {
  const ran = await gate.run('putProduct', (keys) => ({
    keys: [keys.product(product.productId)],
    args: [expectedChanges, ...Object.values(productFields(product))],
  }));
  return ran?.reply[0] === 'put';
}

export function createProducts(
  gate: OpenGate,
  readAdjustments: ReadAdjustments,
): Pick<Gate, 'applyAdjustment' | 'putProduct' | 'readStock'> {
  const applyOne = async ({ productId, n, delta, memberId }: Adjustment): Promise<readonly string[] | null> => {
    const ran = await gate.run('applyAdjustment', (keys) => ({
      keys: [keys.product(productId), keys.units(productId)],
      args: [productId, n, delta, gate.keys.rises, memberId ?? ''],
    }));
    return ran?.reply ?? null;
  };

  return {
    // A closed gate takes these silently: the rebuild under way, or the drift check after it, reads them from MariaDB.
    async putProduct(product) {
      await putProduct(gate, product);
    },

    async applyAdjustment(adjustment) {
      const reply = await applyOne(adjustment);
      if (reply?.[0] !== 'gap') return;
      for (const missing of await readAdjustments(adjustment.productId, Number(reply[1]))) await applyOne(missing);
    },

    async readStock(productIds) {
      const ran = await gate.run('readStock', (keys) => ({ keys: productIds.map(keys.product), args: [] }));
      return ran ? stockOf(ran.reply, productIds) : new Map();
    },
  };
}

function stockOf(reply: readonly string[], productIds: readonly string[]): ReadonlyMap<string, GateStock> {
  const asOf = Number(reply[1]);
  const stock = new Map<string, GateStock>();
  productIds.forEach((productId, index) => {
    const [available = '', rises = '', opensAt = '', closesAt = ''] = reply.slice(2 + index * STOCK_FIELDS);
    if (available === '') return;
    stock.set(productId, {
      productId,
      available: Number(available),
      version: Number(rises),
      opensAt: numberOrNull(opensAt),
      closesAt: numberOrNull(closesAt),
      asOf,
    });
  });
  return stock;
}
