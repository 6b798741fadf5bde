/** Carts on MariaDB: one line per product, and never more lines than one checkout may carry. */
import { createId } from '../../domain/ids';
import { createCartsRepository } from '../../infra/mysql/repositories/carts';
import { sqlOf } from '../../infra/mysql/transaction';
import { createTestDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.destroy());

async function member(): Promise<string> {
  const memberId = createId('mem');
  await sqlOf(database.source).change(
    `INSERT INTO members (id, username, password_hash, role, created_at) VALUES (?, ?, 'x', 'MEMBER', UTC_TIMESTAMP(3))`,
    [memberId, memberId.slice(-20)],
  );
  return memberId;
}

test('When many new lines come at once, then just as many are taken as the cart may hold', async () => {
  const carts = createCartsRepository(database.source);
  const memberId = await member();
  const puts = Array.from({ length: 8 }, () => carts.put(memberId, { productId: createId('prd'), quantity: 1 }, 5));
  const outcomes = await Promise.all(puts);
  expect(outcomes.filter((outcome) => outcome === 'new')).toHaveLength(5);
  expect(outcomes.filter((outcome) => outcome === 'full')).toHaveLength(3);
  expect(await carts.lines(memberId)).toHaveLength(5);
});

test('When the same new line comes twice at once, then it is new once, and a full cart still takes its changes', async () => {
  const carts = createCartsRepository(database.source);
  const memberId = await member();
  const productId = createId('prd');
  const outcomes = await Promise.all([1, 2].map((quantity) => carts.put(memberId, { productId, quantity }, 1)));
  expect(outcomes.sort()).toEqual(['changed', 'new']);
  expect(await carts.put(memberId, { productId, quantity: 7 }, 1)).toBe('changed');
  expect(await carts.lines(memberId)).toEqual([{ productId, quantity: 7 }]);
});
