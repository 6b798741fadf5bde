/** The audit's checks of money, seen to fail: one violation is planted, found with its id, and taken away again. */
import type { AuditedShop } from './support/audited';
import { PRICE } from './support/ledger';
import { useAuditedShop, whilePlanted } from './support/looks';

const audited = useAuditedShop();
const { found, sql } = audited;
let shop: AuditedShop;
beforeAll(() => {
  shop = audited.shop();
});

describe('I3', () => {
  test('When our ledger says less than the provider holds, then the payment is named', () =>
    whilePlanted(
      sql('UPDATE payments SET captured_amount = captured_amount - 1 WHERE id = ?', shop.confirmed.paymentId),
      sql('UPDATE payments SET captured_amount = captured_amount + 1 WHERE id = ?', shop.confirmed.paymentId),
      async () => {
        expect(await found('I3')).toEqual([
          expect.objectContaining({ paymentId: shop.confirmed.paymentId, ours: PRICE - 1, provider: PRICE }),
        ]);
      },
    ));
  test('When the provider holds money under a key we do not know, then the key is named', async () => {
    let paymentKey = '';
    await whilePlanted(
      async () => {
        paymentKey = await shop.capture(shop.queued.orderId);
      },
      () => shop.giveBack(paymentKey),
      async () => {
        expect(await found('I3')).toEqual([expect.objectContaining({ orderId: shop.queued.orderId, paymentKey })]);
      },
    );
  });
});

describe('I4 and I5', () => {
  test('When a confirmed order is captured a second time, then I4 names the order', async () => {
    let paymentKey = '';
    await whilePlanted(
      async () => {
        paymentKey = await shop.capture(shop.confirmed.orderId);
      },
      () => shop.giveBack(paymentKey),
      async () => {
        expect(await found('I4')).toEqual([{ orderId: shop.confirmed.orderId, captures: 2 }]);
      },
    );
  });
  test('When more is captured than the order’s total, then I4 names the order', async () => {
    let paymentKey = '';
    await whilePlanted(
      async () => {
        paymentKey = await shop.capture(shop.queued.orderId, PRICE + 1);
      },
      () => shop.giveBack(paymentKey),
      async () => {
        expect(await found('I4')).toEqual([{ orderId: shop.queued.orderId, captured: PRICE + 1, total: PRICE }]);
      },
    );
  });
  test('When money stands for a cancelled order, then I5 names the capture', async () => {
    let paymentKey = '';
    await whilePlanted(
      async () => {
        paymentKey = await shop.capture(shop.cancelled.orderId);
      },
      () => shop.giveBack(paymentKey),
      async () => {
        expect(await found('I5')).toEqual([
          { orderId: shop.cancelled.orderId, paymentKey, amount: PRICE, status: 'CANCELLED' },
        ]);
      },
    );
  });
});

test('I6: When a confirmed order has no DONE payment, then the order is named', () =>
  whilePlanted(
    sql("UPDATE payments SET status = 'FAILED' WHERE id = ?", shop.confirmed.paymentId),
    sql("UPDATE payments SET status = 'DONE' WHERE id = ?", shop.confirmed.paymentId),
    async () => {
      expect(await found('I6')).toEqual([{ orderId: shop.confirmed.orderId, payments: 0, ofSameAmount: 0 }]);
    },
  ));
