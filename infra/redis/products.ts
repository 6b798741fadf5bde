/** Products in the gate: what buyers are judged by, and how units come. */
import type { Adjustment } from '../mysql/ledger/types';
import type { Gate, GateProduct, GateStock } from './gate-types';
import type { OpenGate } from './open-gate';

export type ReadAdjustments = (productId: string, afterN: number) => Promise<readonly Adjustment[]>;

const STOCK_FIELDS = 4;
const numberOrNull = (text: string): number | null => (text === '' ? null : Number(text));

/** The fields of a product in the gate, as putProduct takes them. */
export const productArgs = (product: GateProduct): readonly (string | number)[] => [
  product.name,
  product.price,
  product.opensAt ?? '',
  product.closesAt ?? '',
  product.limitPerMember ?? '',
];

/**
 * Writes a product; `expectedChanges` makes it a compare-and-set.
 * @returns false when the gate is closed, or the product moved meanwhile
 */
export async function putProduct(gate: OpenGate, product: GateProduct, expectedChanges = ''): Promise<boolean> {
  const ran = await gate.run('putProduct', (keys) => ({
    keys: [keys.product(product.productId)],
    args: [expectedChanges, ...productArgs(product)],
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
