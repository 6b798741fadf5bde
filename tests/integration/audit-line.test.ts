/** I8, the line: an order that nobody claims is found when it was passed over or the line stands still, and only then. */
import { type AuditedShop, createAuditedShop } from './support/audited';
import { createLooks } from './support/looks';

const AGO = 'UTC_TIMESTAMP(3) - INTERVAL';
const PASSED_OVER = 'later ones were claimed before it';

let shop: AuditedShop;
beforeAll(async () => {
  shop = await createAuditedShop();
});
afterAll(() => shop.destroy());

const { violations, found } = createLooks(() => shop);
const change = (sql: string, ...values: (string | number)[]) => shop.gate.sql.change(sql, values);

/** The queued order is two minutes old, and stands behind all others. */
beforeEach(() =>
  change(`UPDATE orders SET created_at = ${AGO} 2 MINUTE, sequence = 1000000000000 WHERE id = ?`, shop.queued.orderId),
);
afterEach(async () => {
  await change('UPDATE orders SET claimed_at = NULL, paying = 0, owner_epoch = 0 WHERE 1 = 1');
  await change('UPDATE orders SET created_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR WHERE id = ?', shop.queued.orderId);
  expect(await violations()).toEqual([]);
});

/** The queued order stands in front of all others. */
const putInFront = () => change('UPDATE orders SET sequence = 0 WHERE id = ?', shop.queued.orderId);
const claim = (orderId: string, secondsAgo: number) =>
  change(`UPDATE orders SET claimed_at = ${AGO} ? SECOND WHERE id = ?`, secondsAgo, orderId);

test('When nobody claims any for a minute, then it is named', async () => {
  await claim(shop.confirmed.orderId, 61);
  expect(await found('I8')).toEqual([{ orderId: shop.queued.orderId, what: 'nobody claims orders' }]);
});

test('When the line moves, then it waits for its turn', async () => {
  await claim(shop.confirmed.orderId, 70);
  await claim(shop.refunded.orderId, 5);
  expect(await violations()).toEqual([]);
});

test('When orders are only taken over, then the line does not move', async () => {
  await claim(shop.confirmed.orderId, 5);
  await change('UPDATE orders SET owner_epoch = 1 WHERE id = ?', shop.confirmed.orderId);
  expect(await found('I8')).toEqual([{ orderId: shop.queued.orderId, what: 'nobody claims orders' }]);
});

test('When a later one was claimed a minute ago, then it is named, though the line moves', async () => {
  await putInFront();
  await claim(shop.confirmed.orderId, 70);
  await claim(shop.refunded.orderId, 5);
  expect(await found('I8')).toEqual([{ orderId: shop.queued.orderId, what: PASSED_OVER }]);
});

test('When a later one was claimed just now, then it may be in the same claim', async () => {
  await putInFront();
  await claim(shop.confirmed.orderId, 5);
  expect(await violations()).toEqual([]);
});

test('When the later one was claimed before this one was there, then nobody was passed over', async () => {
  await putInFront();
  await claim(shop.confirmed.orderId, 150);
  await claim(shop.refunded.orderId, 5);
  expect(await violations()).toEqual([]);
});

test('When the later one paid, or this one has begun to pay, then it overtook rightly, or nobody knows', async () => {
  await putInFront();
  await claim(shop.confirmed.orderId, 70);
  await claim(shop.refunded.orderId, 5);
  await change('UPDATE orders SET paying = 1 WHERE id = ?', shop.confirmed.orderId);
  expect(await violations()).toEqual([]);
  await change('UPDATE orders SET paying = 0 WHERE id = ?', shop.confirmed.orderId);
  await change('UPDATE orders SET paying = 1 WHERE id = ?', shop.queued.orderId);
  expect(await violations()).toEqual([]);
});
