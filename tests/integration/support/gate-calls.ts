/** Calls of the gate's scripts by hand: raw keys and arguments, ordinary unless a test says otherwise. */
import { formatHold, formatRecord, type HeldLine } from '../../../infra/redis/hold';
import { gateKeys } from '../../../infra/redis/keys';
import type { ScriptCall, ScriptName } from '../../../infra/redis/scripts';

export interface NamedCall extends ScriptCall {
  readonly name: ScriptName;
}

/** What the gate key says where a test opened the gate. */
export const TOKEN = '1:run';

/** The order of these tests: Ada wants two shoes. */
const ORDER = {
  orderId: 'ord_1',
  memberId: 'ada',
  key: 'k1',
  lines: [{ productId: 'shoe', quantity: 2 }] as readonly HeldLine[],
};
type Order = typeof ORDER;
const holdOf = ({ memberId, key, lines }: Order): string => formatHold({ memberId, idempotencyKey: key, lines });
const recordOf = ({ orderId }: Order): string => formatRecord({ orderId, bodyHash: 'body' });
export const HOLD = holdOf(ORDER);
export const RECORD = recordOf(ORDER);

const RESERVE = { ...ORDER, amount: '', keyLifeS: 60, buyersMax: 10 };
/** `hold`: another text than the order's own; `word`: MariaDB's */
const REMOVE = { ...ORDER, hold: '' };
const SYNC = { ...REMOVE, word: 'free', abandonedMs: 0 };
const ADJUSTMENT = { id: 'shoe', n: 2, delta: 1, memberId: '' };
const PRODUCT = { id: 'shoe', expected: '', price: 1_000, opensAt: '', closesAt: '', limit: '2' };
const REPAIR = { id: 'shoe', expected: 2, available: 9 };

/** @param shop whose keys, in generation 1 */
export function createCalls(shop: string) {
  const { gate, rises, of } = gateKeys(shop);
  const keys = of(1);
  const guarded = (name: ScriptName, call: ScriptCall): NamedCall => ({
    name,
    keys: [gate, ...call.keys],
    args: [TOKEN, ...call.args],
  });
  const stockOf = (id: string) => [keys.product(id), keys.units(id)];
  const soldOf = ({ lines }: Order) => lines.flatMap(({ productId: id }) => [...stockOf(id), keys.buyers(id)]);
  const heldBy = ({ memberId, key, lines }: Order) => [
    ...[keys.holds, keys.fresh, keys.record(memberId, key)],
    ...lines.flatMap(({ productId }) => stockOf(productId)),
  ];
  const quantitiesOf = ({ lines }: Order) => lines.map(({ quantity }) => quantity);

  /** They look at the gate key first. */
  const behindGate = {
    reserveStock(given: Partial<typeof RESERVE> = {}) {
      const asked = { ...RESERVE, ...given };
      const { orderId, memberId, key, amount, keyLifeS, buyersMax } = asked;
      return guarded('reserveStock', {
        keys: [keys.record(memberId, key), keys.sequence, keys.holds, keys.fresh, ...soldOf(asked)],
        args: [
          ...[orderId, memberId, recordOf(asked), holdOf(asked), amount, keyLifeS, buyersMax],
          ...quantitiesOf(asked),
        ],
      });
    },
    adoptHold(given: Partial<Order> = {}) {
      const asked = { ...ORDER, ...given };
      const args = [asked.orderId, asked.memberId, holdOf(asked), ...quantitiesOf(asked)];
      return guarded('adoptHold', { keys: [keys.holds, keys.fresh, ...soldOf(asked)], args });
    },
    syncHold(given: Partial<typeof SYNC> = {}) {
      const asked = { ...SYNC, ...given };
      const { orderId, hold, word, abandonedMs, memberId } = asked;
      const units = asked.lines.flatMap(({ productId, quantity }) => [productId, quantity]);
      const args = [orderId, hold || holdOf(asked), word, abandonedMs, memberId, rises, ...units];
      return guarded('syncHold', { keys: heldBy(asked), args });
    },
    dropHold(given: Partial<typeof REMOVE> = {}) {
      const asked = { ...REMOVE, ...given };
      const args = [asked.orderId, asked.hold || holdOf(asked), asked.memberId, ...quantitiesOf(asked)];
      return guarded('dropHold', { keys: heldBy(asked), args });
    },
    applyAdjustment(given: Partial<typeof ADJUSTMENT> = {}) {
      const { id, n, delta, memberId } = { ...ADJUSTMENT, ...given };
      return guarded('applyAdjustment', { keys: stockOf(id), args: [id, n, delta, rises, memberId] });
    },
    putProduct(given: Partial<typeof PRODUCT> = {}) {
      const { id, expected, price, opensAt, closesAt, limit } = { ...PRODUCT, ...given };
      const args = [expected, `a ${id}`, price, opensAt, closesAt, limit];
      return guarded('putProduct', { keys: [keys.product(id)], args });
    },
    repairAvailable(given: Partial<typeof REPAIR> = {}) {
      const { id, expected, available } = { ...REPAIR, ...given };
      return guarded('repairAvailable', { keys: [keys.product(id)], args: [id, expected, available, rises] });
    },
    readHold: (orderId = ORDER.orderId) => guarded('readHold', { keys: [keys.holds], args: [orderId] }),
    readBuyers: (id = 'shoe', buyersMax = 10) =>
      guarded('readBuyers', { keys: [keys.product(id), keys.buyers(id)], args: [buyersMax] }),
    readStock: (...ids: string[]) => guarded('readStock', { keys: ids.map(keys.product), args: [] }),
  };
  return {
    ...behindGate,
    behindGate: Object.values(behindGate).map((call) => call()),
    openGate: (runId: string): NamedCall => ({
      name: 'openGate',
      keys: [gate, keys.sequence],
      args: [TOKEN, runId, rises],
    }),
    countRequest: (lifeMs: number): NamedCall => ({
      name: 'countRequest',
      keys: [`{${shop}}:limit:ada`],
      args: [lifeMs],
    }),
  };
}
