/** Acceptance: a batch goes as one when nothing is wrong, and each order gets its own answer when something is. */
import { createAcceptor, type Reservation } from '../../infra/mysql/ledger';
import {
  createLedgerFixture,
  expectUnitsAddUp,
  historyOf,
  type LedgerFixture,
  orderOf,
  stockOf,
} from './support/ledger';

let fixture: LedgerFixture;
beforeAll(async () => {
  fixture = await createLedgerFixture();
});
afterEach(() => expectUnitsAddUp(fixture.sql));
afterAll(() => fixture.destroy());

const kinds = (answers: readonly { readonly kind: string }[]): readonly string[] => answers.map((each) => each.kind);

/** Commits of this server so far: one batch is one of them. */
async function transactionsDuring(work: () => Promise<unknown>): Promise<number> {
  const read = async () =>
    Number((await fixture.sql.rows<{ Value: string }>("SHOW GLOBAL STATUS LIKE 'Com_commit'"))[0]?.Value);
  const before = await read();
  await work();
  return (await read()) - before;
}

async function expectNoTrace(reservation: Reservation): Promise<void> {
  expect(await orderOf(fixture.sql, reservation.orderId)).toBeUndefined();
  expect(await historyOf(fixture.sql, reservation.orderId)).toEqual([]);
  const limits = await fixture.sql.rows('SELECT 1 FROM member_limits WHERE member_id = ? AND units > 0', [
    reservation.memberId,
  ]);
  expect(limits).toEqual([]);
}

describe('a batch without a flaw', () => {
  test('When it is accepted, then every order is QUEUED with its history, and the units are held', async () => {
    const productId = await fixture.product(100);
    const batch = Array.from({ length: 64 }, () => fixture.reservation(productId));
    const answers = await fixture.ledger.acceptOrders(batch);
    expect(answers).toEqual(batch.map(({ orderId }) => ({ kind: 'accepted', orderId })));
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ onHand: 100, held: 64, sold: 0 });
    for (const { orderId } of batch.slice(0, 3)) {
      expect(await orderOf(fixture.sql, orderId)).toMatchObject({ status: 'QUEUED', owner: null, version: 1 });
      expect(await historyOf(fixture.sql, orderId)).toEqual(['QUEUED']);
    }
  });

  test('When it carries several products and limits, then each is counted', async () => {
    const [shoe, hat] = [await fixture.product(10, { limit: 2 }), await fixture.product(10)];
    const lines = [...fixture.lines(shoe, 2), ...fixture.lines(hat, 3)];
    const order = await fixture.accepted(shoe, { lines, amount: 5_000 });
    expect(await stockOf(fixture.sql, shoe)).toMatchObject({ held: 2 });
    expect(await stockOf(fixture.sql, hat)).toMatchObject({ held: 3 });
    const limits = await fixture.sql.rows('SELECT product_id, units FROM member_limits WHERE member_id = ?', [
      order.memberId,
    ]);
    expect(limits).toEqual([{ product_id: shoe, units: 2 }]);
  });

  test('When nothing is in it, then nothing happens', async () => {
    expect(await fixture.ledger.acceptOrders([])).toEqual([]);
  });
});

describe('each guard', () => {
  test('When the same batch comes again, then it is accepted again without a second hold', async () => {
    const productId = await fixture.product(10);
    const batch = [fixture.reservation(productId), fixture.reservation(productId)];
    await fixture.ledger.acceptOrders(batch);
    expect(kinds(await fixture.ledger.acceptOrders(batch))).toEqual(['accepted', 'accepted']);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 2 });
  });

  test('When a key was accepted before, then the stored order is named, and its neighbours are accepted', async () => {
    const productId = await fixture.product(10);
    const first = await fixture.accepted(productId);
    const again = fixture.reservation(productId, {
      memberId: first.memberId,
      idempotencyKey: first.idempotencyKey,
      bodyHash: 'b'.repeat(64),
    });
    const other = fixture.reservation(productId);
    expect(await fixture.ledger.acceptOrders([again, other])).toEqual([
      { kind: 'replayed', orderId: first.orderId, bodyHash: first.bodyHash },
      { kind: 'accepted', orderId: other.orderId },
    ]);
    await expectNoTrace(again);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 2 });
  });

  test('When one key comes twice in one batch, then the lower sequence has it', async () => {
    const productId = await fixture.product(10);
    const first = fixture.reservation(productId);
    const second = {
      ...fixture.reservation(productId),
      memberId: first.memberId,
      idempotencyKey: first.idempotencyKey,
    };
    expect(await fixture.ledger.acceptOrders([second, first])).toEqual([
      { kind: 'replayed', orderId: first.orderId, bodyHash: first.bodyHash },
      { kind: 'accepted', orderId: first.orderId },
    ]);
  });

  test('When a member has reached the limit, then only that order is refused', async () => {
    const productId = await fixture.product(10, { limit: 1 });
    const first = await fixture.accepted(productId);
    const more = fixture.reservation(productId, { memberId: first.memberId });
    const other = fixture.reservation(productId);
    expect(await fixture.ledger.acceptOrders([more, other])).toEqual([
      { kind: 'limitReached', productId },
      { kind: 'accepted', orderId: other.orderId },
    ]);
    expect(await orderOf(fixture.sql, more.orderId)).toBeUndefined();
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 2 });
  });

  test('When the gate gave too many, then units go in sequence order and the rest is sold out', async () => {
    const productId = await fixture.product(3);
    const batch = Array.from({ length: 5 }, () => fixture.reservation(productId));
    const answers = await fixture.ledger.acceptOrders([...batch].reverse());
    expect(kinds(answers)).toEqual(['soldOut', 'soldOut', 'accepted', 'accepted', 'accepted']);
    expect(answers[0]).toEqual({ kind: 'soldOut', productId });
    for (const refused of batch.slice(3)) await expectNoTrace(refused);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 3 });
  });

  test('When one line of several is sold out, then the whole order is refused and leaves no trace', async () => {
    const [shoe, hat] = [await fixture.product(10, { limit: 5 }), await fixture.product(0)];
    const order = fixture.reservation(shoe, { lines: [...fixture.lines(shoe, 1), ...fixture.lines(hat, 1)] });
    expect(await fixture.ledger.acceptOrders([order])).toEqual([{ kind: 'soldOut', productId: hat }]);
    await expectNoTrace(order);
    expect(await stockOf(fixture.sql, shoe)).toMatchObject({ held: 0 });
  });

  test('When the generation moved on, then a new order is stale, and an accepted one still accepted', async () => {
    const productId = await fixture.product(10);
    const accepted = await fixture.accepted(productId);
    await fixture.sql.change('UPDATE gate SET generation = 1');
    try {
      const stale = fixture.reservation(productId);
      const fresh = fixture.reservation(productId, { generation: 1 });
      expect(kinds(await fixture.ledger.acceptOrders([accepted, stale, fresh]))).toEqual([
        'accepted',
        'staleGeneration',
        'accepted',
      ]);
      await expectNoTrace(stale);
      const older = [fixture.reservation(productId), fixture.reservation(productId)];
      expect(kinds(await fixture.ledger.acceptOrders(older))).toEqual(['staleGeneration', 'staleGeneration']);
    } finally {
      await fixture.sql.change('UPDATE gate SET generation = 0');
    }
  });

  test('When a sequence was given before, then the gate that gave it is stale', async () => {
    const productId = await fixture.product(10);
    const first = await fixture.accepted(productId);
    const twin = fixture.reservation(productId, { sequence: first.sequence });
    expect(await fixture.ledger.acceptOrders([twin])).toEqual([{ kind: 'staleGeneration' }]);
    await expectNoTrace(twin);
  });

  test('When all flaws come in one batch, then each order has its own answer', async () => {
    const limited = await fixture.product(10, { limit: 1 });
    const scarce = await fixture.product(1);
    const plain = await fixture.product(10);
    const owned = await fixture.accepted(limited);
    const batch = [
      fixture.reservation(plain),
      fixture.reservation(limited, { memberId: owned.memberId }),
      fixture.reservation(scarce),
      fixture.reservation(scarce),
      fixture.reservation(plain, { memberId: owned.memberId, idempotencyKey: owned.idempotencyKey }),
      fixture.reservation(plain, { generation: 7 }),
    ];
    expect(kinds(await fixture.ledger.acceptOrders(batch))).toEqual([
      'accepted',
      'limitReached',
      'accepted',
      'soldOut',
      'replayed',
      'staleGeneration',
    ]);
  });
});

describe('trouble with the store', () => {
  test('When the connection breaks while committing, then the orders are found and accepted once', async () => {
    const productId = await fixture.product(10);
    const batch = [fixture.reservation(productId), fixture.reservation(productId)];
    const create = fixture.source.createQueryRunner.bind(fixture.source);
    let broken = 0;
    const spy = jest.spyOn(fixture.source, 'createQueryRunner').mockImplementation((mode) => {
      const runner = create(mode);
      const commit = runner.commitTransaction.bind(runner);
      runner.commitTransaction = async () => {
        await commit();
        broken += 1;
        if (broken === 1) throw Object.assign(new Error('Connection lost'), { code: 'PROTOCOL_CONNECTION_LOST' });
      };
      return runner;
    });
    try {
      expect(kinds(await fixture.ledger.acceptOrders(batch))).toEqual(['accepted', 'accepted']);
    } finally {
      spy.mockRestore();
    }
    expect(broken).toBe(3);
    expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 2 });
  });

  test('When the store fails in the midst of a batch that goes one by one, then who was accepted is told so, and the rest is not', async () => {
    const scarce = await fixture.product(1);
    const plain = await fixture.product(10);
    // Sold out for the second: the batch is looked at one by one. The store is gone when it comes to the third.
    const batch = [scarce, scarce, plain, plain].map((productId) => fixture.reservation(productId));
    const create = fixture.source.createQueryRunner.bind(fixture.source);
    let transactions = 0;
    const spy = jest.spyOn(fixture.source, 'createQueryRunner').mockImplementation((mode) => {
      transactions += 1;
      // The first order alone, the batch, then one for each of it.
      if (transactions === 5) throw new Error('store is away');
      return create(mode);
    });
    const acceptor = createAcceptor({ acceptOrders: fixture.ledger.acceptOrders, batchMax: 64 });
    const first = acceptor.accept(fixture.reservation(plain));
    const answers = await Promise.allSettled(batch.map((each) => acceptor.accept(each)));
    spy.mockRestore();
    expect((await first).kind).toBe('accepted');
    expect(answers).toMatchObject([
      { status: 'fulfilled', value: { kind: 'accepted' } },
      { status: 'fulfilled', value: { kind: 'soldOut' } },
      { status: 'rejected', reason: { message: 'store is away' } },
      { status: 'rejected', reason: { message: 'store is away' } },
    ]);
    for (const each of batch.slice(2)) await expectNoTrace(each);
    expect(kinds(await fixture.ledger.acceptOrders(batch.slice(2)))).toEqual(['accepted', 'accepted']);
  });

  test('When a statement fails before the commit, then the caller sees it and nothing is written', async () => {
    const productId = await fixture.product(10);
    const unwritable = fixture.reservation(productId, { bodyHash: 'x'.repeat(65) });
    await expect(fixture.ledger.acceptOrders([unwritable])).rejects.toThrow(/too long/);
    await expectNoTrace(unwritable);
  });
});

describe('concurrent batches', () => {
  test('When many batches for the same products and members run side by side, then units and limits are exact', async () => {
    const products = await Promise.all([1, 2, 3].map(() => fixture.product(150, { limit: 400 })));
    const members = Array.from({ length: 5 }, () => fixture.reservation(products[0] ?? '').memberId);
    const batches = Array.from({ length: 24 }, (_, batch) =>
      Array.from({ length: 25 }, (_unused, n) => {
        const productId = products[(batch + n) % products.length] ?? '';
        return fixture.reservation(productId, { memberId: members[n % members.length] ?? '' });
      }),
    );
    const answers = (await Promise.all(batches.map((batch) => fixture.ledger.acceptOrders(batch)))).flat();
    expect(answers).toHaveLength(600);
    expect(answers.filter((each) => each.kind === 'accepted')).toHaveLength(450);
    expect(answers.filter((each) => each.kind === 'soldOut')).toHaveLength(150);
    for (const productId of products) expect(await stockOf(fixture.sql, productId)).toMatchObject({ held: 150 });
  });
});

describe('the acceptor', () => {
  test('When reservations come during a commit, then they share the next one', async () => {
    const productId = await fixture.product(200);
    const acceptor = createAcceptor({ acceptOrders: fixture.ledger.acceptOrders, batchMax: 64 });
    const reservations = Array.from({ length: 129 }, () => fixture.reservation(productId));
    const commits = await transactionsDuring(async () => {
      const answers = await Promise.all(reservations.map((each) => acceptor.accept(each)));
      expect(answers).toEqual(reservations.map(({ orderId }) => ({ kind: 'accepted', orderId })));
    });
    // The first goes at once and alone, then two full batches. Other test files commit beside this one.
    expect(commits).toBeGreaterThanOrEqual(3);
    expect(acceptor.waiting()).toBe(0);
  });

  test('When batches are cut, then each holds at most the maximum, one at a time', async () => {
    const sizes: number[] = [];
    let side = 0;
    const acceptor = createAcceptor({
      batchMax: 10,
      acceptOrders: async (batch) => {
        side += 1;
        expect(side).toBe(1);
        sizes.push(batch.length);
        await new Promise((resolve) => setImmediate(resolve));
        side -= 1;
        return batch.map(({ orderId }) => ({ kind: 'accepted', orderId }));
      },
    });
    await Promise.all(Array.from({ length: 25 }, () => acceptor.accept(fixture.reservation('prd'))));
    expect(sizes).toEqual([1, 10, 10, 4]);
  });

  test('When the store fails once, then those of that batch see it and the next batch goes on', async () => {
    let calls = 0;
    const acceptor = createAcceptor({
      batchMax: 10,
      acceptOrders: async (batch) => {
        calls += 1;
        if (calls === 1) throw new Error('store is away');
        return batch.map(({ orderId }) => ({ kind: 'accepted', orderId }));
      },
    });
    const [first, second] = [fixture.reservation('prd'), fixture.reservation('prd')];
    const answers = await Promise.allSettled([acceptor.accept(first), acceptor.accept(second)]);
    expect(answers.map((each) => each.status)).toEqual(['rejected', 'fulfilled']);
    expect(acceptor.waiting()).toBe(0);
  });
});
