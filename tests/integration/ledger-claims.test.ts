/** Claims: disjoint, in order, never above the bound, and repeatable until the start is known. */
import { checkoutGroupId } from '../../domain/names';
import type { Claim, ClaimedOrder } from '../../infra/mysql/ledger';
import { createLedger } from '../../infra/mysql/ledger';
import { createOrdersRepository } from '../../infra/mysql/repositories/orders';
import { inTransaction } from '../../infra/mysql/transaction';
import { until } from '../support/until';
import {
  createLedgerFixture,
  eventsOf,
  expectUnitsAddUp,
  historyOf,
  type LedgerFixture,
  orderOf,
  stockOf,
} from './support/ledger';

let fixture: LedgerFixture;
let productId: string;
beforeEach(async () => {
  fixture = await createLedgerFixture();
  productId = await fixture.product(1_000, { limit: 5 });
});
afterEach(async () => {
  await expectUnitsAddUp(fixture.sql);
  await fixture.destroy();
});

let named = 0;
const nameOwner = (orders: readonly ClaimedOrder[]): string => {
  named += 1;
  return checkoutGroupId(orders[0]?.sequence ?? 0, orders.length, `r${named}`);
};
const request = (groupMax: number, inFlightMax: number) => ({ groupMax, inFlightMax, nameOwner });
const accept = async (count: number) => {
  const batch = Array.from({ length: count }, () => fixture.reservation(productId));
  await fixture.ledger.acceptOrders(batch);
  return batch;
};
const ahead = (orderId: string): Promise<number> => createOrdersRepository(fixture.source).ahead(orderId);
const sequences = (claim: Claim | null) => claim?.orders.map((each) => each.sequence) ?? [];

test('When orders wait, then a claim takes the lowest sequences, with all that a saga needs', async () => {
  const [first, second] = await accept(5);
  const claim = await fixture.ledger.claimOrders(request(2, 100));
  expect(claim?.orders).toEqual(
    [first, second].map((each) => ({
      orderId: each?.orderId,
      memberId: each?.memberId,
      sequence: each?.sequence,
      amount: each?.amount,
      lines: each?.lines,
    })),
  );
  expect(await orderOf(fixture.sql, first?.orderId ?? '')).toMatchObject({ owner: claim?.owner, status: 'QUEUED' });
});

test('When nothing waits, then there is no claim', async () => {
  expect(await fixture.ledger.claimOrders(request(25, 100))).toBeNull();
});

test('When a buyer is already paying, then the order goes first', async () => {
  const batch = await accept(4);
  expect(await fixture.ledger.setPaying(batch[2]?.orderId ?? '')).toBe(true);
  expect(await ahead(batch[2]?.orderId ?? '')).toBe(0);
  expect(await ahead(batch[0]?.orderId ?? '')).toBe(1);
  const claim = await fixture.ledger.claimOrders(request(2, 100));
  expect(sequences(claim)).toEqual([batch[2]?.sequence, batch[0]?.sequence]);
  expect(await fixture.ledger.setPaying(batch[2]?.orderId ?? '')).toBe(false);
  expect(await ahead(batch[0]?.orderId ?? '')).toBe(0);
  expect(await ahead(batch[1]?.orderId ?? '')).toBe(0);
  expect(await ahead(batch[3]?.orderId ?? '')).toBe(1);
});

test('When two dispatchers claim side by side, then their sets are disjoint and the bound holds exactly', async () => {
  await accept(120);
  const dispatchers = [fixture.ledger, createLedger(fixture.source)];
  const claims: Claim[] = [];
  await Promise.all(
    dispatchers.flatMap((ledger) =>
      [1, 2, 3].map(async () => {
        for (;;) {
          const claim = await ledger.claimOrders(request(7, 50));
          if (!claim) return;
          claims.push(claim);
        }
      }),
    ),
  );
  const taken = claims.flatMap((claim) => claim.orders.map((each) => each.orderId));
  expect(taken).toHaveLength(50);
  expect(new Set(taken).size).toBe(50);
  const [row] = await fixture.sql.rows<{ n: number }>('SELECT COUNT(*) AS n FROM orders WHERE owner IS NOT NULL');
  expect(row?.n).toBe(50);
});

test('When an order leaves QUEUED, then there is room for one more', async () => {
  await accept(5);
  const claim = await fixture.ledger.claimOrders(request(3, 3));
  expect(await fixture.ledger.claimOrders(request(3, 3))).toBeNull();
  const member = claim?.orders[0];
  await fixture.ledger.openOrder({ orderId: member?.orderId ?? '', owner: claim?.owner ?? '', holdMs: 60_000 });
  expect((await fixture.ledger.claimOrders(request(3, 3)))?.orders).toHaveLength(1);
});

test('When another transaction holds an order, then the claim passes it by instead of waiting', async () => {
  const batch = await accept(3);
  const runner = fixture.source.createQueryRunner();
  await runner.startTransaction('READ COMMITTED');
  await runner.query('SELECT id FROM orders WHERE id = ? FOR UPDATE', [batch[0]?.orderId]);
  try {
    expect(sequences(await fixture.ledger.claimOrders(request(2, 9)))).toEqual([
      batch[1]?.sequence,
      batch[2]?.sequence,
    ]);
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
  expect(sequences(await fixture.ledger.claimOrders(request(2, 9)))).toEqual([batch[0]?.sequence]);
});

test('When a claim is not marked, then it is read again with the same members, until it is', async () => {
  await accept(3);
  const claim = await fixture.ledger.claimOrders(request(3, 9));
  expect(await fixture.ledger.readUndispatched(60_000)).toEqual([]);
  expect(await fixture.ledger.readUndispatched(0)).toEqual([claim]);
  // A member that moved on is still a member of the claim.
  const moved = claim?.orders[1]?.orderId ?? '';
  await fixture.ledger.openOrder({ orderId: moved, owner: claim?.owner ?? '', holdMs: 60_000 });
  expect(await fixture.ledger.readUndispatched(0)).toEqual([claim]);
  await fixture.ledger.markDispatched(claim?.owner ?? '');
  expect(await fixture.ledger.readUndispatched(0)).toEqual([]);
});

test('When a claim cannot start, then its orders end REJECTED with units and limits free, and one dead letter', async () => {
  const batch = await accept(3);
  const claim = await fixture.ledger.claimOrders(request(2, 9));
  const owner = claim?.owner ?? '';
  for (const count of [1, 2, 3, 4, 5]) expect(await fixture.ledger.countAttempt(owner)).toBe(count);
  const rejected = await fixture.ledger.rejectClaim(owner, 'no engine');
  expect([...rejected].sort()).toEqual([batch[0]?.orderId, batch[1]?.orderId].sort());
  expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 1 });
  for (const orderId of rejected) {
    expect(await historyOf(fixture.sql, orderId)).toEqual(['QUEUED', 'REJECTED']);
    expect(await eventsOf(fixture.sql, orderId)).toEqual(['order.cancelled']);
  }
  const limits = await fixture.sql.rows<{ units: string }>('SELECT SUM(units) AS units FROM member_limits');
  expect(Number(limits[0]?.units)).toBe(1);
  const letters = await fixture.sql.rows('SELECT source, reference, reason FROM dead_letters');
  expect(letters).toEqual([{ source: 'dispatcher', reference: owner, reason: 'no engine' }]);
  expect(await fixture.ledger.rejectClaim(owner, 'again')).toEqual([]);
});

test('When a claim has started after all, then rejecting it changes nothing', async () => {
  await accept(1);
  const claim = await fixture.ledger.claimOrders(request(1, 9));
  await fixture.ledger.markDispatched(claim?.owner ?? '');
  expect(await fixture.ledger.rejectClaim(claim?.owner ?? '', 'late')).toEqual([]);
});

describe('cancelling a queued order', () => {
  test('When nobody has claimed it, then it ends at once, and a repeat says so', async () => {
    const order = await fixture.accepted(productId);
    expect(await fixture.ledger.cancelQueued(order)).toEqual({ kind: 'ended', status: 'CANCELLED' });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 0 });
    expect(await historyOf(fixture.sql, order.orderId)).toEqual(['QUEUED', 'CANCELLED']);
    expect(await fixture.ledger.cancelQueued(order)).toEqual({ kind: 'elsewhere', status: 'CANCELLED' });
    expect(await fixture.ledger.claimOrders(request(5, 9))).toBeNull();
  });
  test('When a saga owns it, then the owner is named and nothing changes', async () => {
    const order = await fixture.claimed(productId);
    expect(await fixture.ledger.cancelQueued(order)).toEqual({ kind: 'owned', owner: order.owner, status: 'QUEUED' });
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 1 });
  });
  test('When it is another member’s, then it is not found', async () => {
    const order = await fixture.accepted(productId);
    const stranger = { orderId: order.orderId, memberId: fixture.reservation(productId).memberId };
    expect(await fixture.ledger.cancelQueued(stranger)).toEqual({ kind: 'notFound' });
    expect(await orderOf(fixture.sql, order.orderId)).toMatchObject({ status: 'QUEUED' });
  });
  test('When a claim and a cancel race, then exactly one wins', async () => {
    const batch = await accept(20);
    const [claims, cancels] = await Promise.all([
      Promise.all(batch.map(() => fixture.ledger.claimOrders(request(1, 100)))),
      Promise.all(batch.map((each) => fixture.ledger.cancelQueued(each))),
    ]);
    const claimed = claims.flatMap((claim) => claim?.orders.map((each) => each.orderId) ?? []);
    const cancelled = batch.filter((_, n) => cancels[n]?.kind === 'ended').map((each) => each.orderId);
    expect(claimed.filter((orderId) => cancelled.includes(orderId))).toEqual([]);
    for (const orderId of claimed) expect(await orderOf(fixture.sql, orderId)).toMatchObject({ status: 'QUEUED' });
  });
});

test('When the backlog is read, then it counts who waits and how fast they are claimed', async () => {
  await accept(10);
  expect(await fixture.ledger.backlog()).toEqual({ queued: 10, drainPerS: null });
  await fixture.ledger.claimOrders(request(4, 100));
  // Readings are compared a second or more apart; the clock is the test's.
  const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 2_000);
  try {
    const { queued, drainPerS } = await fixture.ledger.backlog();
    expect(queued).toBe(6);
    expect(drainPerS).toBeGreaterThan(1.5);
    expect(drainPerS).toBeLessThanOrEqual(2);
  } finally {
    clock.mockRestore();
  }
});

describe('taking over', () => {
  test('When the owner is gone, then one sweeper gets the order and the old owner writes nothing more', async () => {
    const order = await fixture.claimed(productId);
    const input = { orderId: order.orderId, expectedOwner: order.owner, newOwner: `${order.owner}-r1`, epoch: 1 };
    const won = await Promise.all([fixture.ledger.takeOver(input), fixture.ledger.takeOver(input)]);
    expect([...won].sort()).toEqual([false, true]);
    expect(await fixture.ledger.openOrder({ ...order, holdMs: 1_000 })).toEqual({ kind: 'disowned' });
    const opened = await fixture.ledger.openOrder({ orderId: order.orderId, owner: input.newOwner, holdMs: 1_000 });
    expect(opened.kind).toBe('opened');
  });
  test('When the order has ended, then it is not taken over', async () => {
    const order = await fixture.claimed(productId);
    await fixture.ledger.endOrder({ ...order, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
    const input = { orderId: order.orderId, expectedOwner: order.owner, newOwner: `${order.owner}-r1`, epoch: 1 };
    expect(await fixture.ledger.takeOver(input)).toBe(false);
  });
  test('When owners are paged, then each open order is seen once and ended ones never', async () => {
    await accept(9);
    for (const size of [4, 3, 2]) await fixture.ledger.claimOrders(request(size, 100));
    const ended = await fixture.claimed(productId);
    await fixture.ledger.endOrder({ ...ended, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const page = await fixture.ledger.readOwners({ quietForMs: 0, after, limit: 5 });
      if (page.length === 0) break;
      seen.push(...page.flatMap((each) => each.orders.map((order) => order.orderId)));
      after = page.at(-1)?.owner ?? '';
    }
    expect(seen).toHaveLength(9);
    expect(new Set(seen).size).toBe(9);
    expect(await fixture.ledger.readOwners({ quietForMs: 60_000, limit: 5 })).toEqual([]);
  });
});

test('When an order is held for longer than a statement waits, then a buyer who pays it is not told: it is tried again', async () => {
  const [order] = await accept(1);
  const orderId = order?.orderId ?? '';
  /** How long the statement has been running, ms. */
  const running = async (): Promise<number | undefined> => {
    const [row] = await fixture.sql.rows<{ ms: number | string }>(
      'SELECT TIME_MS AS ms FROM information_schema.PROCESSLIST WHERE INFO LIKE ?',
      [`UPDATE orders % SET paying = 1 %${orderId}%`],
    );
    return row && Number(row.ms);
  };
  const { paying } = await inTransaction(fixture.source, async (tx) => {
    await tx.rows('SELECT id FROM orders WHERE id = ? FOR UPDATE', [orderId]);
    const answer = fixture.ledger.setPaying(orderId);
    // Whoever is told of a failure must not end the test before it is looked at.
    answer.catch(() => undefined);
    let longest = 0;
    const isAgain = async (): Promise<boolean> => {
      const ms = (await running()) ?? longest;
      const began = ms < longest;
      longest = Math.max(longest, ms);
      return began;
    };
    await until(isAgain, { within: 20_000, what: 'it runs again, after its time was up' });
    return { paying: answer };
  });
  expect(await paying).toBe(true);
});
