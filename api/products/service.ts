/**
 * Products, stock as the gate sees it, restocks, the sales report. MariaDB commits first, the gate follows:
 * what a crash in between leaves undone, the gate worker does.
 */
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Problem } from '../../domain/errors';
import { createId } from '../../domain/ids';
import { CURRENCY } from '../../domain/money';
import type { BodyOf } from '../../domain/operations/operation';
import {
  type createProduct,
  createRestock,
  type Product,
  type Restock,
  type Stock,
  type updateProduct,
} from '../../domain/operations/products';
import { isUnreachable } from '../../infra/http/foreign-errors';
import { addStock } from '../../infra/mysql/ledger';
import type { Adjustment } from '../../infra/mysql/ledger/types';
import { onceByKey } from '../../infra/mysql/repositories/idempotency';
import {
  changeProduct,
  insertProduct,
  type ProductFields,
  type ProductRow,
  type ProductsRepository,
} from '../../infra/mysql/repositories/products';
import { inTransaction, sqlOf } from '../../infra/mysql/transaction';
import type { Gate, GateProduct, GateStock } from '../../infra/redis/gate-types';

export type ProductView = z.input<typeof Product>;
export type StockView = z.input<typeof Stock>;
export type RestockView = z.input<typeof Restock>;

export interface ProductsDeps {
  readonly source: DataSource;
  readonly products: ProductsRepository;
  readonly gate: Pick<Gate, 'putProduct' | 'applyAdjustment' | 'readStock'>;
  /** the gate did not follow at once; its worker will */
  readonly onGateLate: (error: unknown, productId: string) => void;
}
export interface RestockRequest {
  readonly productId: string;
  readonly quantity: number;
  readonly memberId: string;
  readonly key: string;
  readonly hash: string;
}

export const etagOf = ({ version }: ProductRow): string => `"${version}"`;

/** `*`, or a list of entity tags (RFC 9110): strong comparison, so a weak tag never matches. */
const matches = (ifMatch: string, product: ProductRow): boolean =>
  ifMatch.split(',').some((tag) => [etagOf(product), '*'].includes(tag.trim()));

export const productView = (product: ProductRow): ProductView => ({
  productId: product.productId,
  name: product.name,
  type: product.type,
  price: product.price,
  currency: CURRENCY,
  opensAt: product.opensAt?.toISOString() ?? null,
  closesAt: product.closesAt?.toISOString() ?? null,
  limitPerMember: product.limitPerMember,
  createdAt: product.createdAt.toISOString(),
  updatedAt: product.updatedAt.toISOString(),
});

const gateProduct = (product: ProductRow): GateProduct => ({
  productId: product.productId,
  name: product.name,
  price: product.price,
  opensAt: product.opensAt?.getTime() ?? null,
  closesAt: product.closesAt?.getTime() ?? null,
  limitPerMember: product.limitPerMember,
});

const dateOf = (text: string | null | undefined): Date | null => (text ? new Date(text) : null);

/** Why a product cannot be ordered now, or null. */
export function reasonOf(
  stock: { readonly available: number; readonly opensAt: number | null; readonly closesAt: number | null },
  now: number,
): StockView['reason'] {
  if (stock.opensAt !== null && now < stock.opensAt) return 'not_open';
  if (stock.closesAt !== null && now >= stock.closesAt) return 'closed';
  return stock.available > 0 ? null : 'sold_out';
}

type Patch = BodyOf<typeof updateProduct>;

/** JSON merge patch: absent keeps, null removes. @throws Problem invalid_request when the whole would not hold together */
function merged(product: ProductRow, patch: Patch): ProductFields {
  const fields: ProductFields = {
    name: patch.name ?? product.name,
    price: patch.price ?? product.price,
    opensAt: patch.opensAt === undefined ? product.opensAt : dateOf(patch.opensAt),
    closesAt: patch.closesAt === undefined ? product.closesAt : dateOf(patch.closesAt),
    limitPerMember: patch.limitPerMember === undefined ? product.limitPerMember : patch.limitPerMember,
  };
  const fault = (pointer: string, code: string, detail: string): Problem =>
    new Problem('invalid_request', { errors: [{ pointer, code, detail }] });
  // Its sale has no beginning, but whoever runs the shop must be able to end it.
  if (product.type === 'NORMAL' && fields.opensAt) {
    throw fault('#/opensAt', 'no_window', 'a NORMAL product is on sale from the start');
  }
  if (product.type === 'EVENT' && !fields.opensAt)
    throw fault('#/opensAt', 'required', 'an EVENT product needs opensAt');
  if (fields.opensAt && fields.closesAt && fields.opensAt >= fields.closesAt) {
    throw fault('#/closesAt', 'window', 'must be after opensAt');
  }
  return fields;
}

export function createProductsService({ source, products, gate, onGateLate }: ProductsDeps) {
  const find = async (productId: string): Promise<ProductRow> => {
    const product = await products.find(productId);
    if (!product) throw new Problem('not_found');
    return product;
  };
  const followLater = (productId: string) => (error: unknown) => onGateLate(error, productId);

  /** Until the gate has what MariaDB has: of two changes at once, the older may reach the gate last. */
  const putIntoGate = async (product: ProductRow): Promise<void> => {
    for (let put = product; ; ) {
      await gate.putProduct(gateProduct(put));
      const latest = await find(put.productId);
      if (latest.version === put.version) return;
      put = latest;
    }
  };
  /** A gate that is closed or away refuses buyers, so it is no stock that we can tell. */
  const readStock = async (productId: string): Promise<GateStock> => {
    const known = await gate.readStock([productId]).catch((error: unknown) => {
      throw isUnreachable(error) ? new Problem('gate_rebuilding', {}, { cause: error }) : error;
    });
    const stock = known.get(productId);
    if (!stock) throw new Problem('gate_rebuilding');
    return stock;
  };

  return {
    find,

    page: (query: Parameters<ProductsRepository['page']>[0]) => products.page(query),

    async create(body: BodyOf<typeof createProduct>): Promise<ProductRow> {
      const productId = createId('prd');
      const { name, type, price, stock } = body;
      const [opensAt, closesAt] = [dateOf(body.opensAt), dateOf(body.closesAt)];
      const fields = { productId, name, type, price, opensAt, closesAt, limitPerMember: body.limitPerMember ?? null };
      const adjustment = await inTransaction(source, async (tx) => {
        await insertProduct(tx, fields);
        return addStock({ productId, quantity: stock, reason: 'created', reference: null }, tx);
      });
      const product = await find(productId);
      await putIntoGate(product)
        .then(() => gate.applyAdjustment(adjustment))
        .catch(followLater(productId));
      return product;
    },

    /** @throws Problem precondition_failed when the product is not in the version that `ifMatch` names */
    async update(productId: string, patch: Patch, ifMatch: string | undefined): Promise<ProductRow> {
      if (ifMatch === undefined) throw new Problem('precondition_required');
      const product = await find(productId);
      if (!matches(ifMatch, product)) throw new Problem('precondition_failed');
      const hasChanged = await changeProduct(sqlOf(source), product, merged(product, patch));
      if (!hasChanged) throw new Problem('precondition_failed');
      const changed = await find(productId);
      await putIntoGate(changed).catch(followLater(productId));
      return changed;
    },

    async stock(productId: string): Promise<StockView> {
      const product = await find(productId);
      const stock = await readStock(productId);
      const reason = reasonOf(stock, stock.asOf);
      return {
        productId: product.productId,
        available: Math.max(0, stock.available),
        orderable: reason === null,
        reason,
        asOf: new Date(stock.asOf).toISOString(),
      };
    },

    async restock(request: RestockRequest): Promise<{ body: unknown; isReplay: boolean }> {
      const { productId, quantity, memberId, key, hash } = request;
      await find(productId);
      let adjustment: Adjustment | undefined;
      const scope = { memberId, scope: `POST ${createRestock.path}`, key, hash };
      const stored = await onceByKey(source, scope, async (tx) => {
        adjustment = await addStock({ productId, quantity, reason: 'restock', reference: key.slice(0, 64) }, tx);
        const [row] = await tx.rows<{ onHand: number }>('SELECT on_hand AS onHand FROM stock WHERE product_id = ?', [
          productId,
        ]);
        const body: RestockView = {
          productId,
          restockId: adjustment.n,
          quantity,
          onHand: row?.onHand ?? 0,
          createdAt: new Date().toISOString(),
        };
        return { status: 201, body };
      });
      if (!stored.isReplay && adjustment) await gate.applyAdjustment(adjustment).catch(followLater(productId));
      return { body: stored.body, isReplay: stored.isReplay };
    },

    sales: products.sales,
  };
}

export type ProductsService = ReturnType<typeof createProductsService>;
