/** I1 and I2: units that do not add up, or were sold twice, are planted, found with their ids, and taken away again. */
import type { AuditedShop } from './support/audited';
import { useAuditedShop, whilePlanted } from './support/looks';

const audited = useAuditedShop();
const { found, sql } = audited;
let shop: AuditedShop;
beforeAll(() => {
  shop = audited.shop();
});

describe('I1', () => {
  test('When the stock row holds more than the orders, then the product is named', () =>
    whilePlanted(
      sql('UPDATE stock SET held = held + 1 WHERE product_id = ?', shop.productId),
      sql('UPDATE stock SET held = held - 1 WHERE product_id = ?', shop.productId),
      async () => {
        expect(await found('I1')).toContainEqual({ productId: shop.productId, what: 'held', says: 2, expected: 1 });
      },
    ));
  test('When the gate shows another number than MariaDB, then the product is named', async () => {
    const { redis } = shop.gate;
    const key = (await shop.gate.keys()).product(shop.productId);
    await whilePlanted(
      () => redis.hincrby(key, 'available', 3),
      () => redis.hincrby(key, 'available', -3),
      async () => {
        expect(await found('I1')).toEqual([
          { productId: shop.productId, what: 'gate available', says: 21, expected: 18 },
        ]);
      },
    );
  });
});

describe('I2', () => {
  test('When orders carry more units than there are, then the product is named', () =>
    whilePlanted(
      sql("UPDATE orders SET items = JSON_SET(items, '$[0].quantity', 100) WHERE id = ?", shop.queued.orderId),
      sql("UPDATE orders SET items = JSON_SET(items, '$[0].quantity', 1) WHERE id = ?", shop.queued.orderId),
      async () => {
        expect(await found('I2')).toContainEqual({ productId: shop.productId, taken: 101, onHand: 20 });
      },
    ));
  test('When an order was taken while there was no limit, then it does not count against one that came later', () => {
    const { productId, confirmed, queued } = shop;
    return whilePlanted(
      () =>
        shop.gate.sql.change(
          `UPDATE orders o JOIN orders c ON c.id = ? SET o.member_id = c.member_id, o.limited_products = '[]' WHERE o.id = ?`,
          [confirmed.orderId, queued.orderId],
        ),
      () =>
        shop.gate.sql.change('UPDATE orders SET member_id = ?, limited_products = ? WHERE id = ?', [
          queued.memberId,
          JSON.stringify([productId]),
          queued.orderId,
        ]),
      async () => {
        expect((await found('I2')).filter((each) => each.memberId === confirmed.memberId)).toEqual([]);
      },
    );
  });
  test('When a member’s limit forgets an order, then the member is named', () =>
    whilePlanted(
      sql('UPDATE member_limits SET units = 0 WHERE member_id = ?', shop.confirmed.memberId),
      sql('UPDATE member_limits SET units = 1 WHERE member_id = ?', shop.confirmed.memberId),
      async () => {
        expect(await found('I2')).toEqual([
          { productId: shop.productId, memberId: shop.confirmed.memberId, counted: 1, says: 0 },
        ]);
      },
    ));
});
