/** Carts at current prices. Nothing is held by them; checking out decides. */
import type { z } from 'zod';
import { Problem } from '../../domain/errors';
import { totalOf } from '../../domain/money';
import type { Cart, CartItem } from '../../domain/operations/carts';
import type { CartsRepository } from '../../infra/mysql/repositories/carts';
import type { ProductRow, ProductsRepository } from '../../infra/mysql/repositories/products';
import type { Gate, GateStock } from '../../infra/redis/gate-types';

export type CartView = z.input<typeof Cart>;
export type CartItemView = z.input<typeof CartItem>;

export interface CartsDeps {
  readonly carts: CartsRepository;
  readonly products: ProductsRepository;
  readonly gate: Pick<Gate, 'readStock'>;
}

/** Different products one cart may hold: what one checkout may carry. */
const LINES_MAX = 20;

const isOpen = (product: ProductRow, now: number): boolean =>
  (!product.opensAt || product.opensAt.getTime() <= now) && (!product.closesAt || now < product.closesAt.getTime());

export function createCartsService({ carts, products, gate }: CartsDeps) {
  /** A gate that is closed or away knows nothing: then only the sale window speaks. */
  const stockOf = (productIds: readonly string[]): Promise<ReadonlyMap<string, GateStock>> =>
    gate.readStock(productIds).catch(() => new Map<string, GateStock>());

  const itemView = (product: ProductRow, quantity: number, stock: GateStock | undefined): CartItemView => ({
    productId: product.productId,
    name: product.name,
    price: product.price,
    quantity,
    orderable: isOpen(product, stock?.asOf ?? Date.now()) && (stock === undefined || stock.available >= quantity),
  });

  return {
    async read(memberId: string): Promise<CartView> {
      const lines = await carts.lines(memberId);
      const ids = lines.map((line) => line.productId);
      const [known, stock] = await Promise.all([products.findAll(ids), stockOf(ids)]);
      const items = lines.flatMap((line) => {
        const product = known.get(line.productId);
        return product ? [itemView(product, line.quantity, stock.get(line.productId))] : [];
      });
      return { items, total: totalOf(items.map(({ quantity, price }) => ({ quantity, unitPrice: price }))) };
    },

    /** @throws Problem not_found for a product that does not exist, invalid_request when the cart is full */
    async put(memberId: string, productId: string, quantity: number): Promise<{ view: CartItemView; isNew: boolean }> {
      const product = await products.find(productId);
      if (!product) throw new Problem('not_found');
      const outcome = await carts.put(memberId, { productId, quantity }, LINES_MAX);
      if (outcome === 'full') {
        throw new Problem('invalid_request', { detail: `a cart holds at most ${LINES_MAX} products` });
      }
      const stock = await stockOf([productId]);
      return { view: itemView(product, quantity, stock.get(productId)), isNew: outcome === 'new' };
    },

    remove: (memberId: string, productId: string): Promise<void> => carts.remove(memberId, productId),
  };
}

export type CartsService = ReturnType<typeof createCartsService>;
