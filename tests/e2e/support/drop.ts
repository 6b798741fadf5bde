/**
 * Buyers of a drop who do not give up: what fails with a connection error, 429 or 5xx is repeated under the same
 * idempotency key, as a good client does. Used where servers die under their hands.
 */
import { randomUUID } from 'node:crypto';
import type { AcceptedBody, Answer, Buyer, Shop } from './shop';

export interface BuyerOutcome {
  readonly buyer: Buyer;
  /** null: refused for good */
  readonly orderId: string | null;
  /** the answer that refused or accepted the checkout */
  readonly code: string;
  readonly sequence: number | null;
}

const PAUSE_MS = 100;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS + Math.random() * PAUSE_MS));

/** Repeats a call until it has an answer below 500 that is not 429; throws when `until` has passed. */
export async function persist<T>(what: string, until: number, call: () => Promise<Answer<T>>): Promise<Answer<T>> {
  let last = 'no answer';
  while (Date.now() < until) {
    try {
      const answer = await call();
      if (answer.status < 500 && answer.status !== 429) return answer;
      last = `${answer.status} ${JSON.stringify(answer.body)}`;
    } catch (error) {
      last = String(error);
    }
    await pause();
  }
  throw new Error(`${what}: still unanswered: ${last}`);
}

type CheckoutAnswer = Answer<AcceptedBody & { code?: string; final?: boolean }>;

/** "Sold out" is the last word only when it says so; until then units that are held may come back. */
const isLastWord = ({ body }: CheckoutAnswer): boolean =>
  body.code !== 'request_in_progress' && !(body.code === 'sold_out' && body.final === false);

async function checkOut(shop: Shop, buyer: Buyer, productId: string, until: number): Promise<CheckoutAnswer> {
  const key = randomUUID();
  for (;;) {
    const answer: CheckoutAnswer = await persist('checkout', until, () =>
      shop.checkout(buyer, [{ productId, quantity: 1 }], { key }),
    );
    if (isLastWord(answer)) return answer;
    if (Date.now() > until) throw new Error(`checkout: no last word: ${JSON.stringify(answer.body)}`);
    for (let i = 0; i < 5; i += 1) await pause();
  }
}

/** One buyer: check out, pay, and see the order CONFIRMED. */
export async function buy(shop: Shop, buyer: Buyer, productId: string, until: number): Promise<BuyerOutcome> {
  const checkout = await checkOut(shop, buyer, productId, until);
  if (checkout.status >= 300) return { buyer, orderId: null, code: checkout.body.code ?? '', sequence: null };
  const { orderId, amount, sequence } = checkout.body;
  const paid = await persist('authorisation', until, async () => {
    const paymentKey = await shop.authorise(orderId, amount);
    return { status: 200, headers: new Headers(), body: { paymentKey } };
  });
  const payment = { paymentKey: paid.body.paymentKey, orderId, amount };
  const confirmKey = randomUUID();
  for (;;) {
    const confirm = await persist('confirm', until, () => shop.confirm<{ code?: string }>(buyer, payment, confirmKey));
    if (confirm.status === 200) break;
    // Under way: by another try of ours, or not known to the provider yet.
    if (confirm.status !== 202 && confirm.body.code !== 'payment_in_progress') {
      throw new Error(`confirm of ${orderId} answered ${confirm.status} ${JSON.stringify(confirm.body)}`);
    }
    await pause();
  }
  return { buyer, orderId, code: 'confirmed', sequence };
}

/** All buyers at once. */
export const runDrop = (
  shop: Shop,
  buyers: readonly Buyer[],
  productId: string,
  until: number,
): Promise<BuyerOutcome[]> => Promise.all(buyers.map((buyer) => buy(shop, buyer, productId, until)));
