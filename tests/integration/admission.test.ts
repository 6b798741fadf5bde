/**
 * Admission on a real gate and a real ledger that disagree: what is answered, and what is left behind. Where both agree, the
 * tests of the gate, of the ledger and of the API tell.
 */
import { type AdmissionDeps, type CheckoutRequest, createAdmission } from '../../api/orders/admission';
import { createBacklogBound } from '../../api/orders/backlog';
import { createBreaker } from '../../api/orders/breaker';
import { createId } from '../../domain/ids';
import { createAcceptor } from '../../infra/mysql/ledger';
import { createOrdersRepository } from '../../infra/mysql/repositories/orders';
import { until } from '../support/until';
import { createGateFixture, type GateFixture, hashOf } from './support/gate';

const PROBE_MS = 50;

let shop: GateFixture;
let deps: AdmissionDeps;
/** order ids by what the gate was asked to do with them */
let asked: { reserved: string[]; synced: string[] };
let now: number;

beforeAll(async () => {
  shop = await createGateFixture();
});
afterAll(() => shop.destroy());

beforeEach(async () => {
  await shop.rebuild();
  const { gate, ledger, source } = shop;
  asked = { reserved: [], synced: [] };
  now = 0;
  const acceptor = createAcceptor({ acceptOrders: ledger.acceptOrders, batchMax: 64 });
  deps = {
    gate: {
      ...gate,
      reserve: (request) => {
        asked.reserved.push(request.orderId);
        return gate.reserve(request);
      },
      syncHold: (orderId) => {
        asked.synced.push(orderId);
        return gate.syncHold(orderId);
      },
    },
    orders: createOrdersRepository(source),
    accept: acceptor.accept,
    breaker: createBreaker({ probe: () => source.query('SELECT 1'), probeMs: PROBE_MS, now: () => now }),
    knownSoldOut: () => null,
    noteSoldOut: () => undefined,
    isAllSold: async () => false,
    backlog: createBacklogBound({ read: ledger.backlog, max: 10_000 }),
    onError: (error) => {
      throw error;
    },
  };
});

const admit = (request: CheckoutRequest, given: Partial<AdmissionDeps> = {}) =>
  createAdmission({ ...deps, ...given }).admit(request);
const refusal = (answer: Promise<unknown>) => expect(answer).rejects;

function checkout(productId: string, given: Partial<CheckoutRequest> = {}): CheckoutRequest {
  return {
    memberId: createId('mem'),
    idempotencyKey: createId('evt'),
    bodyHash: hashOf(),
    lines: [{ productId, quantity: 1 }],
    fromCart: false,
    ...given,
  };
}
async function onSale(units: number, limit?: number): Promise<string> {
  const productId = await shop.product(units, limit === undefined ? {} : { limit });
  await shop.rebuild();
  return productId;
}
const rowsOf = (memberId: string) =>
  shop.sql.rows<{ orderId: string; status: string }>('SELECT id AS orderId, status FROM orders WHERE member_id = ?', [
    memberId,
  ]);
/** Holds taken here that no row in MariaDB stands behind. */
async function strayHolds(): Promise<string[]> {
  const held = Object.keys(await shop.holds()).filter((orderId) => asked.reserved.includes(orderId));
  const rows = await shop.sql.rows<{ orderId: string }>('SELECT id AS orderId FROM orders');
  return held.filter((orderId) => !rows.some((row) => row.orderId === orderId));
}

test('When gate and ledger agree, then the order is recorded before it is answered, and its units are held', async () => {
  const productId = await onSale(3);
  const request = checkout(productId);
  const { orderId, status, isReplay } = await admit(request);
  expect([status, isReplay]).toEqual(['QUEUED', false]);
  expect(await rowsOf(request.memberId)).toEqual([{ orderId, status: 'QUEUED' }]);
  expect(Object.keys(await shop.holds())).toContain(orderId);
  expect(await shop.available(productId)).toBe(2);
});

test('When the gate has more units than the ledger, then sold_out; the hold goes and the units that never were do not come back', async () => {
  const productId = await onSale(1);
  await admit(checkout(productId));
  await shop.redis.hincrby((await shop.keys()).product(productId), 'available', 5);
  const late = checkout(productId);
  await refusal(admit(late)).toMatchObject({ code: 'sold_out', extra: { members: { productId, final: false } } });
  expect([await rowsOf(late.memberId), await strayHolds()]).toEqual([[], []]);
  expect(await shop.available(productId)).toBe(4);
});

test('When the gate has forgotten what a member owns, then the ledger keeps the limit, and the hold goes', async () => {
  const productId = await onSale(5, 1);
  const memberId = createId('mem');
  const { orderId } = await admit(checkout(productId, { memberId }));
  await shop.redis.del((await shop.keys()).units(productId));
  await refusal(admit(checkout(productId, { memberId }))).toMatchObject({
    code: 'limit_reached',
    extra: { members: { productId } },
  });
  expect(await rowsOf(memberId)).toEqual([{ orderId, status: 'QUEUED' }]);
  expect(await strayHolds()).toEqual([]);
});

test('When the gate has forgotten a key, then its order is answered again, and the second hold is looked after', async () => {
  const productId = await onSale(5);
  const request = checkout(productId);
  const first = await admit(request);
  await shop.redis.del((await shop.keys()).record(request.memberId, request.idempotencyKey));
  const again = await admit(request);
  expect(again).toMatchObject({ orderId: first.orderId, isReplay: true });
  expect(await rowsOf(request.memberId)).toHaveLength(1);
  expect(asked.synced).toEqual([asked.reserved[1]]);
  await refusal(admit({ ...request, bodyHash: hashOf(1) })).toMatchObject({ code: 'idempotency_key_reused' });
});

test('When the gate is rebuilt between hold and record, then the buyer is told to come again, and there is no order', async () => {
  const productId = await onSale(5);
  const request = checkout(productId);
  const accept: AdmissionDeps['accept'] = async (reservation) => {
    await shop.sql.change('UPDATE gate SET generation = generation + 1');
    return deps.accept(reservation);
  };
  await refusal(admit(request, { accept })).toMatchObject({ code: 'gate_rebuilding', extra: { retryAfterS: 1 } });
  expect(await rowsOf(request.memberId)).toEqual([]);
  await shop.rebuild();
  expect(await shop.available(productId)).toBe(5);
  expect(await admit(request)).toMatchObject({ status: 'QUEUED', isReplay: false });
});

test('When the gate is closed, then gate_rebuilding and no trace; a product that nobody knows is said to be unknown', async () => {
  const productId = await onSale(5);
  const unknown = checkout(createId('prd'));
  await refusal(admit(unknown)).toMatchObject({
    code: 'unknown_product',
    extra: { errors: [{ pointer: '#/items/0/productId' }] },
  });
  await shop.redis.del(shop.open.keys.gate);
  const request = checkout(productId);
  await refusal(admit(request)).toMatchObject({ code: 'gate_rebuilding' });
  expect(await rowsOf(request.memberId)).toEqual([]);
  await shop.rebuild();
  expect(await shop.available(productId)).toBe(5);
});

test('When the ledger is away, then after three failures nobody takes units any more, until it answers again', async () => {
  const productId = await onSale(50);
  const away = new Error('the ledger is away');
  let isUp = false;
  const breaker = createBreaker({
    probe: () => (isUp ? Promise.resolve() : Promise.reject(away)),
    probeMs: PROBE_MS,
    now: () => now,
  });
  const admission = createAdmission({ ...deps, breaker, accept: () => Promise.reject(away) });
  for (let failure = 0; failure < 3; failure += 1) await refusal(admission.admit(checkout(productId))).toBe(away);
  const before = asked.reserved.length;
  for (let repeat = 0; repeat < 5; repeat += 1) {
    now += PROBE_MS;
    await refusal(admission.admit(checkout(productId))).toMatchObject({ code: 'unavailable' });
  }
  expect(asked.reserved).toHaveLength(before);
  isUp = true;
  now += PROBE_MS;
  expect(await admit(checkout(productId), { breaker })).toMatchObject({ status: 'QUEUED' });
});

test('When the line cannot be counted, then no units are taken, and the breaker opens as for an order that cannot be recorded', async () => {
  const productId = await onSale(5);
  let counts = 0;
  const read = (): Promise<never> => {
    counts += 1;
    return new Promise(() => undefined);
  };
  const backlog = createBacklogBound({ read, max: 10, withinMs: 20, onFailure: deps.breaker.failed });
  const admission = createAdmission({ ...deps, backlog });
  // Many who wait for the same count have seen one failure, not many.
  const both = [admission.admit(checkout(productId)), admission.admit(checkout(productId))];
  for (const each of both) await refusal(each).toMatchObject({ code: 'unavailable' });
  for (let failure = 0; failure < 4; failure += 1) {
    await refusal(admission.admit(checkout(productId))).toMatchObject({ code: 'unavailable' });
  }
  expect([counts, asked.reserved]).toEqual([3, []]);
});

test('When the line is full, then backlog_full without a trace, but an order accepted before keeps its answer', async () => {
  const productId = await onSale(5);
  const request = checkout(productId);
  const { orderId } = await admit(request);
  const backlog = createBacklogBound({ read: async () => ({ queued: 10, drainPerS: null }), max: 10 });
  const late = checkout(productId);
  await refusal(admit(late, { backlog })).toMatchObject({ code: 'backlog_full', extra: { retryAfterS: 5 } });
  expect(await rowsOf(late.memberId)).toEqual([]);
  expect(await admit(request, { backlog })).toMatchObject({ orderId, isReplay: true });
});

test('When a burst meets a line with few places left, then not one order more gets in, the gate has the rest, and what the burst left free goes to who comes next', async () => {
  const [units, places, buyers] = [200, 20, 120];
  const productId = await onSale(units);
  const { queued } = await shop.ledger.backlog();
  const backlog = createBacklogBound({ read: shop.ledger.backlog, max: queued + places });
  const admission = createAdmission({ ...deps, backlog });
  const ends = await Promise.allSettled(Array.from({ length: buyers }, () => admission.admit(checkout(productId))));
  const refused = ends.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  const accepted = buyers - refused.length;
  expect(accepted).toBeLessThanOrEqual(places);
  expect(new Set(refused.map((reason) => (reason as { code?: string }).code))).toEqual(new Set(['backlog_full']));
  expect((await shop.ledger.backlog()).queued - queued).toBe(accepted);
  expect(await shop.available(productId)).toBe(units - accepted);

  // A row that is committed while its buyer is not yet told counts twice for a moment: nobody is let in for that.
  let more = 0;
  const come = () => admission.admit(checkout(productId)).then(() => (more += 1));
  await until(async () => accepted + more === places || ((await come().catch(() => null)) && false), {
    within: 10_000,
    what: `${places} accepted`,
  });
  await refusal(admission.admit(checkout(productId))).toMatchObject({ code: 'backlog_full' });
  expect((await shop.ledger.backlog()).queued - queued).toBe(places);
});

test('When the probe of an open breaker is never answered, then it is given up, one at a time, and buyers are told at once meanwhile', async () => {
  let probes = 0;
  const probe = (): Promise<never> => {
    probes += 1;
    return new Promise(() => undefined);
  };
  const breaker = createBreaker({ probe, failuresMax: 1, probeMs: PROBE_MS, withinMs: 20, now: () => now });
  breaker.failed();
  now += PROBE_MS;
  const first = breaker.isClosed();
  now += PROBE_MS;
  expect([await breaker.isClosed(), probes]).toEqual([false, 1]);
  expect(await first).toBe(false);
  now += PROBE_MS;
  expect([await breaker.isClosed(), probes]).toEqual([false, 2]);
});

test('When a hold of a dead process goes while its buyers repeat, then they enter one by one, and not beyond the bound', async () => {
  const productId = await onSale(50);
  const { queued } = await shop.ledger.backlog();
  const places = 2;
  const admission = createAdmission({
    ...deps,
    backlog: createBacklogBound({ read: shop.ledger.backlog, max: queued + places }),
  });
  const requests = Array.from({ length: 6 }, () => checkout(productId));
  // Their first process took the units and died before the ledger had the orders.
  const orphans = await Promise.all(requests.map((request) => shop.reserve(productId, { ...request })));
  const repeats = Promise.allSettled(requests.map((request) => admission.admit(request)));
  const keys = await shop.keys();
  for (const { request } of orphans) {
    const [seconds] = await shop.redis.time();
    await shop.redis.zadd(keys.fresh, (Number(seconds) - 61) * 1_000, request.orderId);
    await shop.gate.syncHold(request.orderId);
  }
  const accepted = (await repeats).filter(({ status }) => status === 'fulfilled').length;
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBeLessThanOrEqual(places);
  expect((await shop.ledger.backlog()).queued - queued).toBe(accepted);
});

test('When a product is known to be sold out, then who asks for it neither counts the line nor waits in it', async () => {
  const productId = await onSale(1);
  const read = () => Promise.reject(new Error('counted'));
  const backlog = createBacklogBound({ read, max: 10 });
  const given = { backlog, knownSoldOut: ([first = '']: readonly string[]) => first };
  await refusal(admit(checkout(productId), given)).toMatchObject({ code: 'sold_out' });
});
