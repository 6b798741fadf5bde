/** What becomes of a hold after the reservation: adopted by its saga, or removed as MariaDB says. */
import type { Gate, ReadVerdict } from './gate-types';
import { formatHold, type Hold, mergeLines, parseHold } from './hold';
import type { GenerationKeys } from './keys';
import type { OpenGate } from './open-gate';

/** A hold without a row is abandoned from this age on: ten times what an acceptance takes on its worst day. */
export const ABANDONED_AFTER_MS = 10_000;

interface Found {
  readonly text: string;
  readonly hold: Hold;
  readonly generation: number;
}

export function createHolds(gate: OpenGate, readVerdict: ReadVerdict): Pick<Gate, 'adopt' | 'syncHold' | 'dropHold'> {
  const readHold = async (orderId: string): Promise<Found | 'none' | 'unavailable'> => {
    const ran = await gate.run('readHold', ({ holds }) => ({ keys: [holds], args: [orderId] }));
    if (!ran) return 'unavailable';
    const [kind, text = ''] = ran.reply;
    return kind === 'hold' ? { text, hold: parseHold(text), generation: ran.generation } : 'none';
  };

  const syncHold = async (orderId: string): ReturnType<Gate['syncHold']> => {
    const found = await readHold(orderId);
    if (typeof found === 'string') return found;
    const verdict = await readVerdict(orderId);
    if (verdict.kind === 'keep') return 'kept';
    const { text, hold, generation } = found;
    const ran = await gate.run('syncHold', (keys) => ({
      keys: keysOf(keys, hold),
      args: [
        orderId,
        text,
        verdict.kind,
        ABANDONED_AFTER_MS,
        hold.memberId,
        gate.keys.rises,
        ...hold.lines.flatMap(({ productId, quantity }) => [productId, quantity]),
      ],
    }));
    if (!ran) return 'unavailable';
    // A rebuild came between: its hold is the one to look at.
    if (ran.generation !== generation) return syncHold(orderId);
    return ran.reply[0] as 'none' | 'kept' | 'removed';
  };

  return {
    syncHold,

    async adopt({ orderId, memberId, lines }) {
      const hold: Hold = { memberId, idempotencyKey: '', lines: mergeLines(lines) };
      // The saga goes on without the gate, so a Redis that is away is an answer here.
      const ran = await gate.run('adoptHold', (keys) => adoptCall(keys, orderId, hold)).catch(() => null);
      return ran ? (ran.reply[0] as 'adopted' | 'retaken') : 'unavailable';
    },

    async dropHold(orderId) {
      const found = await readHold(orderId);
      if (typeof found === 'string') return;
      const { text, hold } = found;
      await gate.run('dropHold', (keys) => ({
        keys: keysOf(keys, hold),
        args: [orderId, text, hold.memberId, ...hold.lines.map(({ quantity }) => quantity)],
      }));
    },
  };
}

const keysOf = (keys: GenerationKeys, hold: Hold): string[] => [
  keys.holds,
  keys.fresh,
  keys.record(hold.memberId, hold.idempotencyKey),
  ...hold.lines.flatMap(({ productId }) => [keys.product(productId), keys.units(productId)]),
];

const adoptCall = (keys: GenerationKeys, orderId: string, hold: Hold) => ({
  keys: [
    keys.holds,
    keys.fresh,
    ...hold.lines.flatMap(({ productId }) => [keys.product(productId), keys.units(productId), keys.buyers(productId)]),
  ],
  args: [orderId, hold.memberId, formatHold(hold), ...hold.lines.map(({ quantity }) => quantity)],
});
