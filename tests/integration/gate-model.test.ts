/**
 * The gate against a model of a few lines: random interleavings of all its operations, on a real Redis with real scripts.
 * MariaDB is played by the model itself, whose words (`readVerdict`, `readAdjustments`) are final once spoken.
 */
import * as fc from 'fast-check';
import { createId } from '../../domain/ids';
import type { Adjustment, HoldVerdict } from '../../infra/mysql/ledger';
import { BULK, connectRedis, waitUntilReady } from '../../infra/redis/connection';
import { createGateOn } from '../../infra/redis/gate';
import type { Gate, ReserveOutcome } from '../../infra/redis/gate-types';
import { createOpenGate } from '../../infra/redis/open-gate';
import { createScripts } from '../../infra/redis/scripts';
import { tokenOf } from '../../infra/redis/verified-key';
import { testServers, uniqueName } from '../support/servers';
import { hashOf } from './support/gate';

const PRODUCTS = ['prd_a', 'prd_b', 'prd_c'] as const;
const LIMITS: Readonly<Record<string, number | null>> = { prd_a: null, prd_b: 2, prd_c: 3 };
const MEMBERS = ['mem_1', 'mem_2', 'mem_3'] as const;
const PRICE = 100;

interface Line {
  readonly productId: string;
  readonly quantity: number;
}
interface Held {
  readonly orderId: string;
  readonly memberId: string;
  readonly key: string;
  readonly lines: readonly Line[];
}

/** What the gate should believe. */
class Model {
  readonly available = new Map<string, number>(PRODUCTS.map((id) => [id, 0]));
  readonly applied = new Map<string, number>(PRODUCTS.map((id) => [id, 0]));
  readonly adjustments = new Map<string, Adjustment[]>(PRODUCTS.map((id) => [id, []]));
  readonly owned = new Map<string, number>();
  readonly holds = new Map<string, Held>();
  readonly keys = new Map<string, string>();
  /** every order that ever was held, so that operations meet old ones too */
  readonly orders: Held[] = [];
  readonly words = new Map<string, HoldVerdict['kind']>();
  sequence = 0;

  reserve(held: Held): ReserveOutcome['kind'] {
    if (this.keys.has(`${held.memberId} ${held.key}`)) return 'replayed';
    for (const { productId, quantity } of held.lines) {
      const limit = LIMITS[productId];
      if (typeof limit === 'number' && this.ownedBy(held.memberId, productId) + quantity > limit) return 'limitReached';
      if ((this.available.get(productId) ?? 0) < quantity) return 'soldOut';
    }
    this.take(held);
    this.keys.set(`${held.memberId} ${held.key}`, held.orderId);
    this.orders.push(held);
    this.sequence += 1;
    return 'reserved';
  }
  take(held: Held): void {
    for (const { productId, quantity } of held.lines) this.move(held.memberId, productId, quantity, quantity);
    this.holds.set(held.orderId, held);
  }
  /** Removes a hold; `back` gives the units back, `uncount` frees the limits. */
  remove(orderId: string, { back, uncount, free }: { back: boolean; uncount: boolean; free: boolean }): void {
    const held = this.holds.get(orderId);
    if (!held) return;
    this.holds.delete(orderId);
    for (const { productId, quantity } of held.lines) {
      this.move(held.memberId, productId, back ? -quantity : 0, uncount ? -quantity : 0);
    }
    if (free && this.keys.get(`${held.memberId} ${held.key}`) === orderId) {
      this.keys.delete(`${held.memberId} ${held.key}`);
    }
  }
  ownedBy(memberId: string, productId: string): number {
    return this.owned.get(`${memberId} ${productId}`) ?? 0;
  }
  private move(memberId: string, productId: string, taken: number, counted: number): void {
    this.available.set(productId, (this.available.get(productId) ?? 0) - taken);
    if (LIMITS[productId] === null) return;
    this.owned.set(`${memberId} ${productId}`, this.ownedBy(memberId, productId) + counted);
  }
}

interface Real {
  readonly gate: Gate;
  /** the model's words, as the ledger would speak them */
  model: Model;
}
type Command = fc.AsyncCommand<Model, Real>;

class Reserve implements Command {
  constructor(
    readonly memberId: string,
    readonly key: string,
    readonly lines: readonly Line[],
  ) {}
  check = () => true;
  async run(model: Model, real: Real): Promise<void> {
    const orderId = createId('ord');
    const { memberId, key, lines } = this;
    const outcome = await real.gate.reserve({ orderId, memberId, idempotencyKey: key, bodyHash: hashOf(), lines });
    expect(outcome.kind).toBe(model.reserve({ orderId, memberId, key, lines }));
    if (outcome.kind === 'replayed') expect(outcome.orderId).toBe(model.keys.get(`${memberId} ${key}`));
    if (outcome.kind === 'reserved') {
      expect(outcome.sequence).toBe(model.sequence);
      expect(outcome.amount).toBe(lines.reduce((sum, { quantity }) => sum + quantity * PRICE, 0));
    }
  }
  toString = () => `reserve(${this.memberId}, ${this.key}, ${JSON.stringify(this.lines)})`;
}

/** An order by its place among all that ever were. */
abstract class OfOrder implements Command {
  constructor(readonly place: number) {}
  check = (model: Readonly<Model>) => model.orders.length > 0;
  protected pick(model: Model): Held {
    const held = model.orders[this.place % model.orders.length];
    if (!held) throw new Error('no order');
    return held;
  }
  abstract run(model: Model, real: Real): Promise<void>;
  toString = () => `${this.constructor.name}(${this.place})`;
}

class Sync extends OfOrder {
  constructor(
    place: number,
    readonly word: HoldVerdict['kind'],
  ) {
    super(place);
  }
  async run(model: Model, real: Real): Promise<void> {
    const { orderId } = this.pick(model);
    const before = model.words.get(orderId);
    const word = before === 'free' || before === 'sold' ? before : this.word;
    model.words.set(orderId, word);
    const wasHeld = model.holds.has(orderId);
    if (word === 'free') model.remove(orderId, { back: true, uncount: true, free: false });
    if (word === 'sold') model.remove(orderId, { back: false, uncount: false, free: false });
    const isFinal = word === 'free' || word === 'sold';
    expect(await real.gate.syncHold(orderId)).toBe(wasHeld ? (isFinal ? 'removed' : 'kept') : 'none');
  }
}
class Drop extends OfOrder {
  async run(model: Model, real: Real): Promise<void> {
    const { orderId } = this.pick(model);
    model.remove(orderId, { back: false, uncount: true, free: true });
    await real.gate.dropHold(orderId);
  }
}
class Adopt extends OfOrder {
  async run(model: Model, real: Real): Promise<void> {
    const held = this.pick(model);
    const isHeld = model.holds.has(held.orderId);
    if (!isHeld) model.take({ ...held, key: '' });
    const adopted = await real.gate.adopt({ ...held, sequence: 1 });
    expect(adopted).toBe(isHeld ? 'adopted' : 'retaken');
  }
}
class Adjust implements Command {
  constructor(
    readonly productId: string,
    readonly delta: number,
    /** told at once, later by a gap, or told again */
    readonly tell: 'now' | 'later' | 'again',
  ) {}
  check = () => true;
  async run(model: Model, real: Real): Promise<void> {
    const { productId, delta, tell } = this;
    const written = model.adjustments.get(productId) ?? [];
    if (tell !== 'again') written.push({ productId, n: written.length + 1, delta });
    const told = written.at(-1);
    if (tell === 'later' || !told) return;
    const applied = model.applied.get(productId) ?? 0;
    for (const { delta: units } of written.slice(applied)) {
      model.available.set(productId, (model.available.get(productId) ?? 0) + units);
    }
    model.applied.set(productId, written.length);
    await real.gate.applyAdjustment(told);
  }
  toString = () => `adjust(${this.productId}, ${this.delta}, ${this.tell})`;
}
class Compare implements Command {
  check = () => true;
  async run(model: Model, real: Real): Promise<void> {
    const stock = await real.gate.readStock(PRODUCTS);
    expect(new Map([...stock].map(([id, { available }]) => [id, available]))).toEqual(model.available);
  }
  toString = () => 'compare';
}

const line = fc.record({ productId: fc.constantFrom(...PRODUCTS), quantity: fc.integer({ min: 1, max: 2 }) });
const lines = fc.uniqueArray(line, { minLength: 1, maxLength: 3, selector: ({ productId }) => productId });
const place = fc.nat(40);
const commands = [
  fc
    .tuple(fc.constantFrom(...MEMBERS), fc.nat(30), lines)
    .map(([member, key, of]) => new Reserve(member, `k${key}`, of)),
  fc
    .tuple(place, fc.constantFrom('keep', 'sold', 'free', 'unknown' as const))
    .map(([at, word]) => new Sync(at, word as HoldVerdict['kind'])),
  place.map((at) => new Drop(at)),
  place.map((at) => new Adopt(at)),
  fc
    .tuple(
      fc.constantFrom(...PRODUCTS),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom('now', 'later', 'again' as const),
    )
    .map(([productId, delta, tell]) => new Adjust(productId, delta, tell as 'now' | 'later' | 'again')),
  fc.constant(new Compare()),
];

const redis = connectRedis(testServers().redis, BULK);
// Each run of the property looks at this connection through a gate of its own.
redis.setMaxListeners(0);
beforeAll(() => waitUntilReady(redis, 5_000));
afterAll(() => redis.disconnect());

async function setUp(): Promise<{ model: Model; real: Real }> {
  const model = new Model();
  const open = createOpenGate(redis, uniqueName('t'));
  const runId = await open.runId();
  await redis.set(open.keys.of(1).sequence, 0);
  await createScripts(redis)('openGate', {
    keys: [open.keys.gate, open.keys.of(1).sequence],
    args: [tokenOf(1, runId), runId, open.keys.rises],
  });
  const gate = createGateOn(open, {
    readVerdict: async (orderId) => ({ kind: model.words.get(orderId) ?? 'keep' }),
    readAdjustments: async (productId, afterN) => (model.adjustments.get(productId) ?? []).slice(afterN),
  });
  for (const productId of PRODUCTS) {
    const limitPerMember = LIMITS[productId] ?? null;
    await gate.putProduct({ productId, name: 'Shoe', price: PRICE, opensAt: null, closesAt: null, limitPerMember });
  }
  return { model, real: { gate, model } };
}

test('When any operations come in any order, then the gate says at each step what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 80, size: '+1' }), async (run) => {
      await fc.asyncModelRun(setUp, run);
    }),
    { numRuns: 60 },
  );
});

test('When reservations run side by side, then no unit is sold twice and none is lost, in any interleaving', async () => {
  const requests = fc.array(fc.tuple(fc.constantFrom(...MEMBERS), lines), { minLength: 5, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(requests, fc.integer({ min: 0, max: 12 }), fc.scheduler(), async (wanted, units, scheduler) => {
      const { real } = await setUp();
      for (const productId of PRODUCTS) await real.gate.applyAdjustment({ productId, n: 1, delta: units });
      const reserve = scheduler.scheduleFunction(real.gate.reserve);
      const running = wanted.map(([memberId, of], n) =>
        reserve({ orderId: createId('ord'), memberId, idempotencyKey: `k${n}`, bodyHash: hashOf(), lines: of }),
      );
      await scheduler.waitIdle();
      const taken = (await Promise.all(running)).flatMap((each) => (each.kind === 'reserved' ? [each] : []));
      const numbers = taken.map(({ sequence }) => sequence).sort((a, b) => a - b);
      expect(numbers).toEqual(taken.map((_, n) => n + 1));
      const stock = await real.gate.readStock(PRODUCTS);
      for (const productId of PRODUCTS) {
        const sold = taken.flatMap((each) => each.lines).filter((each) => each.productId === productId);
        const total = sold.reduce((sum, { quantity }) => sum + quantity, 0);
        expect(stock.get(productId)?.available).toBe(units - total);
        expect(total).toBeLessThanOrEqual(units);
      }
    }),
    { numRuns: 30 },
  );
});
