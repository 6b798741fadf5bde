/** The dispatcher on MariaDB: how much it starts, and what it does when a start does not work. */
import pino from 'pino';
import { Problem } from '../../domain/errors';
import type { Claim } from '../../infra/mysql/ledger';
import { type Dispatcher, startDispatcher } from '../../workers/dispatcher/dispatcher';
import { until } from '../support/until';
import { createLedgerFixture, type LedgerFixture, orderOf, stockOf } from './support/ledger';

let fixture: LedgerFixture;
let dispatcher: Dispatcher | undefined;
beforeEach(async () => {
  fixture = await createLedgerFixture();
});
afterEach(async () => {
  await dispatcher?.stop();
  await fixture.destroy();
});

const started: Claim[] = [];
const synced: string[] = [];
const logged: { readonly msg: string; readonly owner?: string; readonly sagaUrl?: string }[] = [];
beforeEach(() => {
  logged.length = 0;
  started.length = 0;
  synced.length = 0;
});
function dispatch(
  start: (claim: Claim) => Promise<unknown>,
  inFlightMax = 1_000,
  ledger: Parameters<typeof startDispatcher>[0]['ledger'] = fixture.ledger,
): void {
  dispatcher = startDispatcher({
    ledger,
    start: async (claim) => {
      started.push(claim);
      return start(claim);
    },
    syncHold: async (orderId) => synced.push(orderId),
    groupMax: 25,
    inFlightMax,
    logger: pino({ level: 'warn' }, { write: (line) => void logged.push(JSON.parse(line)) }),
    sagaUrl: (owner) => `http://ui/${owner}`,
  });
}
const accept = async (count: number): Promise<{ productId: string; orderIds: string[] }> => {
  const productId = await fixture.product(count);
  const orders = Array.from({ length: count }, () => fixture.reservation(productId));
  await fixture.ledger.acceptOrders(orders);
  return { productId, orderIds: orders.map((each) => each.orderId) };
};
const countWhere = async (condition: string): Promise<number> => {
  const [row] = await fixture.sql.rows<{ n: number }>(`SELECT COUNT(*) AS n FROM orders WHERE ${condition}`);
  return Number(row?.n);
};
/** As if so much time had passed since the claims. */
const age = (seconds: number) =>
  fixture.sql.change('UPDATE orders SET claimed_at = claimed_at - INTERVAL ? SECOND WHERE dispatched_at IS NULL', [
    seconds,
  ]);

test('When a burst has gathered, then it is started in groups of at most 25, in turn', async () => {
  const { orderIds } = await accept(60);
  dispatch(async () => undefined);

  await until(() => started.length === 3, { within: 15_000, what: 'three starts' });

  expect(started.map((claim) => claim.orders.length)).toEqual([25, 25, 10]);
  expect(started.flatMap((claim) => claim.orders.map((each) => each.orderId))).toEqual(orderIds);
  await until(async () => (await countWhere('dispatched_at IS NOT NULL')) === 60, {
    within: 10_000,
    what: 'all marked',
  });
});

test('When sagas do not begin, then exactly the bound is claimed and the rest waits', async () => {
  await accept(60);
  dispatch(async () => undefined, 30);
  await until(async () => (await countWhere('owner IS NOT NULL')) >= 30, {
    within: 15_000,
    what: 'the bound is reached',
  });
  // It has looked again, several times, and found no room.
  const looks = jest.spyOn(fixture.ledger, 'claimOrders');
  await until(() => looks.mock.calls.length >= 3, { within: 10_000, what: 'three more looks' });

  expect(await countWhere('owner IS NOT NULL')).toBe(30);
  expect((await fixture.ledger.backlog()).queued).toBe(30);
});

test('When the engine is away, then no order is lost or rejected, and the same claims start when it is back', async () => {
  const { orderIds } = await accept(2);
  let away = true;
  dispatch(async () => {
    if (away) throw new Problem('unavailable');
  });
  await until(() => started.length > 0, { within: 10_000, what: 'a first try' });
  const [first] = started;
  away = false;
  await age(10);

  await until(async () => (await countWhere('dispatched_at IS NOT NULL')) === 2, {
    within: 15_000,
    what: 'all started',
  });

  const again = started.filter((claim) => claim.owner === first?.owner);
  expect(again.length).toBeGreaterThan(1);
  for (const claim of again) expect(claim).toEqual(first);
  for (const orderId of orderIds) expect((await orderOf(fixture.sql, orderId))?.status).toBe('QUEUED');
});

test('When the engine refuses a claim five times, then its orders are rejected, with a dead letter and their units free', async () => {
  const { productId, orderIds } = await accept(1);
  dispatch(async () => {
    throw new Error('no such search attribute');
  });

  await until(
    async () => {
      await age(10);
      return (await countWhere("status = 'REJECTED'")) === 1;
    },
    { within: 30_000, what: 'it is rejected' },
  );

  expect(started).toHaveLength(5);
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0, sold: 0 });
  expect(synced).toEqual(orderIds);
  const letters = await fixture.sql.rows<{ reason: string }>('SELECT reason FROM dead_letters');
  expect(letters.map((each) => each.reason)).toEqual([expect.stringContaining('no such search attribute')]);
  const line = { owner: started[0]?.owner, sagaUrl: `http://ui/${started[0]?.owner}` };
  for (const msg of ['saga not started', 'claim rejected']) {
    const said = await until(() => logged.find((each) => each.msg === msg), { within: 5_000, what: msg });
    expect(said).toMatchObject(line);
  }
});

test('When a start cannot be marked, then it is no failed start: the claim starts again and nobody is rejected', async () => {
  const { orderIds } = await accept(1);
  let refusals = 0;
  const markDispatched = async (owner: string): Promise<void> => {
    refusals += 1;
    if (refusals <= 6) throw new Error('the store is away');
    await fixture.ledger.markDispatched(owner);
  };
  dispatch(async () => undefined, 1_000, { ...fixture.ledger, markDispatched });

  await until(
    async () => {
      await age(10);
      return (await countWhere('dispatched_at IS NOT NULL')) === 1;
    },
    { within: 30_000, what: 'it is marked' },
  );

  expect(started.length).toBeGreaterThanOrEqual(7);
  expect((await orderOf(fixture.sql, orderIds[0] ?? ''))?.status).toBe('QUEUED');
  expect(await countWhere('start_attempts > 0')).toBe(0);
  const { owner } = started[0] as Claim;
  expect(logged[0]).toMatchObject({ msg: 'start not marked', owner, sagaUrl: `http://ui/${owner}` });
});
