/** The usual ways of a buyer, for tests that begin where they end: an order that can be paid, a payment of it. */
import { randomInt, randomUUID } from 'node:crypto';
import type { Answer, Buyer, Shop } from './shop';

export interface Order {
  readonly orderId: string;
  readonly amount: number;
}
export interface OrderOfProduct extends Order {
  readonly productId: string;
}

/** A card number nobody else uses: the sandbox may be told how it behaves without disturbing others. */
export const newCard = (): string => `4${String(randomInt(1e12, 1e13))}00`;

export function createBuying(shop: Shop) {
  const orderOf = ({ orderId, amount }: Order): Order => ({ orderId, amount });

  return {
    /** An order of one new product that waits for its payment. */
    async payable(buyer: Buyer, fields: Readonly<Record<string, unknown>> = {}, quantity = 1): Promise<OrderOfProduct> {
      const productId = await shop.createProduct(fields);
      const lines = [{ productId, quantity }];
      const { status, body } = await shop.checkout(buyer, lines, { headers: { prefer: 'wait=20' } });
      if (status !== 201) throw new Error(`checkout answered ${status}: ${JSON.stringify(body)}`);
      return { productId, ...orderOf(body) };
    },

    /** Authorises at the provider, then confirms. */
    async pay(buyer: Buyer, order: Order, { card, key = randomUUID() }: { card?: string; key?: string } = {}) {
      const paymentKey = await shop.authorise(order.orderId, order.amount, card);
      const payment = { paymentKey, ...orderOf(order) };
      const confirm = (): Promise<Answer> => shop.confirm(buyer, payment, key);
      return { paymentKey, payment, confirm, answer: await confirm() };
    },
  };
}

export type Buying = ReturnType<typeof createBuying>;
