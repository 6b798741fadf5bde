/** The admission decision: one script, its answer as a union. */
import { totalOf } from '../../domain/money';
import type { OrderLine } from '../../domain/order';
import type { ReserveOutcome, ReserveRequest } from './gate-types';
import { formatHold, formatRecord, type HeldLine, mergeLines, parseRecord } from './hold';
import type { OpenGate, Ran } from './open-gate';

/** Longer than MariaDB's word on a key is asked for (24 h): between the two, MariaDB alone answers a repeat. */
const KEY_RECORD_S = 25 * 3_600;
/** Above this many buyers a product has no sold-out cell, so there is no use in naming more. */
export const BUYERS_MAX = 10_000;

const LINE_FIELDS = 3;

export function createReserve(gate: OpenGate): (request: ReserveRequest) => Promise<ReserveOutcome> {
  return async (request) => {
    const { orderId, memberId, idempotencyKey, bodyHash, expectedAmount } = request;
    const lines = mergeLines(request.lines);
    const ran = await gate.run('reserveStock', (keys) => ({
      keys: [
        keys.record(memberId, idempotencyKey),
        keys.sequence,
        keys.holds,
        keys.fresh,
        ...lines.flatMap(({ productId }) => [keys.product(productId), keys.units(productId), keys.buyers(productId)]),
      ],
      args: [
        orderId,
        memberId,
        formatRecord({ orderId, bodyHash }),
        formatHold({ memberId, idempotencyKey, lines }),
        expectedAmount ?? '',
        KEY_RECORD_S,
        BUYERS_MAX,
        ...lines.map(({ quantity }) => quantity),
      ],
    }));
    return ran ? outcomeOf(ran, lines) : { kind: 'gateClosed' };
  };
}

function outcomeOf({ reply, generation }: Ran, lines: readonly HeldLine[]): ReserveOutcome {
  const [kind, detail = '', more = ''] = reply;
  const productId = lines[Number(detail) - 1]?.productId ?? '';
  switch (kind) {
    case 'reserved':
      return reservedOf(reply, generation, lines);
    case 'replayed':
      return { kind, ...parseRecord(detail) };
    case 'soldOut':
    case 'limitReached':
    case 'closed':
      return { kind, productId };
    case 'notOpen':
      return { kind, productId, opensAt: new Date(Number(more)).toISOString() };
    case 'priceChanged':
      return { kind, amount: Number(detail) };
    case 'unknownProduct':
      return { kind: 'gateClosed' };
    default:
      throw new Error(`reserveStock answered ${reply.join(' ')}`);
  }
}

function reservedOf(reply: readonly string[], generation: number, lines: readonly HeldLine[]): ReserveOutcome {
  const limits: Record<string, number> = {};
  const priced = lines.map(({ productId, quantity }, index): OrderLine => {
    const [name = '', price = '', limit = ''] = reply.slice(2 + index * LINE_FIELDS);
    if (limit !== '') limits[productId] = Number(limit);
    return { productId, name, quantity, unitPrice: Number(price) };
  });
  const amount = totalOf(priced);
  return { kind: 'reserved', sequence: Number(reply[1]), generation, lines: priced, amount, limits };
}
