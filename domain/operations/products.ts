/** Product: NORMAL products are on sale always, EVENT products in a time window; stock and restocks; sales report. */
import { z } from 'zod';
import { clientTime, currency, id, pageOf, pageQuery, price, text, timestamp } from './fields';
import { defineOperation } from './operation';

const units = z.number().int().min(0).max(10_000_000);
const limit = z.number().int().min(1).max(1_000);

export const Product = z.object({
  productId: id('prd'),
  name: z.string(),
  type: z.enum(['NORMAL', 'EVENT']),
  price,
  currency,
  opensAt: timestamp.nullable(),
  closesAt: timestamp.nullable(),
  limitPerMember: limit.nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export const Stock = z.object({
  productId: id('prd'),
  available: z.number().int(),
  orderable: z.boolean(),
  reason: z.enum(['not_open', 'closed', 'sold_out']).nullable(),
  asOf: timestamp,
});
export const Restock = z.object({
  productId: id('prd'),
  restockId: z.number().int().describe('number of this adjustment, per product'),
  quantity: z.number().int().describe('units added'),
  onHand: z.number().int().describe('units there are now, held and sold ones included'),
  createdAt: timestamp,
});

const params = z.strictObject({ productId: id('prd') });
const isWindow = (product: { type?: string; opensAt?: string | null; closesAt?: string | null }): boolean =>
  !product.opensAt || !product.closesAt || Date.parse(product.opensAt) < Date.parse(product.closesAt);

const newProduct = z
  .strictObject({
    name: text(200),
    type: z.enum(['NORMAL', 'EVENT']),
    price,
    opensAt: clientTime.nullish().describe('EVENT products need it; others have none'),
    closesAt: clientTime.nullish().describe('EVENT products only'),
    limitPerMember: limit.nullish(),
    stock: units.default(0).describe('units on sale from the start'),
  })
  .refine((product) => product.type === 'NORMAL' || Boolean(product.opensAt), {
    path: ['opensAt'],
    message: 'an EVENT product needs opensAt',
  })
  .refine((product) => product.type === 'EVENT' || (!product.opensAt && !product.closesAt), {
    path: ['type'],
    message: 'a NORMAL product has no sale window',
  })
  .refine(isWindow, { path: ['closesAt'], message: 'must be after opensAt' });

/** JSON merge patch (RFC 7396): null removes, absent keeps. */
const productPatch = z.strictObject({
  name: text(200).optional(),
  price: price.optional(),
  opensAt: clientTime.nullish().describe('of EVENT products only'),
  closesAt: clientTime
    .nullish()
    .describe('the end of the sale. A NORMAL product may be given one, too, to take it off sale; null puts it back'),
  limitPerMember: limit.nullish(),
});

export const listProducts = defineOperation({
  id: 'listProducts',
  summary: 'Products, newest first',
  service: 'products',
  method: 'get',
  path: '/v1/products',
  access: 'public',
  query: z.strictObject({
    ...pageQuery,
    type: z.enum(['NORMAL', 'EVENT']).optional().describe('only products of this type'),
  }),
  answers: { 200: { description: 'A page of products', schema: pageOf(Product) } },
  problems: ['invalid_cursor'],
});
export const getProduct = defineOperation({
  id: 'getProduct',
  summary: 'One product; its ETag is what If-Match wants',
  service: 'products',
  method: 'get',
  path: '/v1/products/{productId}',
  access: 'public',
  params,
  answers: { 200: { description: 'The product', schema: Product, headers: ['ETag'] } },
  problems: ['not_found'],
});
export const getStock = defineOperation({
  id: 'getStock',
  summary: 'Units available now, from the gate',
  service: 'products',
  method: 'get',
  path: '/v1/products/{productId}/stock',
  access: 'public',
  params,
  answers: { 200: { description: 'Stock', schema: Stock } },
  problems: ['not_found', 'gate_rebuilding'],
});
export const createProduct = defineOperation({
  id: 'createProduct',
  summary: 'Put a product on sale',
  service: 'products',
  method: 'post',
  path: '/v1/products',
  access: 'admin',
  body: newProduct,
  answers: { 201: { description: 'The product', schema: Product, headers: ['Location', 'ETag'] } },
});
export const updateProduct = defineOperation({
  id: 'updateProduct',
  summary: 'Change a product (If-Match with its ETag)',
  service: 'products',
  method: 'patch',
  path: '/v1/products/{productId}',
  access: 'admin',
  params,
  headers: ['If-Match'],
  body: productPatch,
  // A merge patch is plain JSON (RFC 7396), and many clients cannot but call it so.
  bodyTypes: ['application/merge-patch+json', 'application/json'],
  answers: { 200: { description: 'The product', schema: Product, headers: ['ETag'] } },
  problems: ['not_found', 'precondition_failed', 'precondition_required'],
});
export const createRestock = defineOperation({
  id: 'createRestock',
  summary: 'Add units',
  service: 'products',
  method: 'post',
  path: '/v1/products/{productId}/restocks',
  access: 'admin',
  idempotent: true,
  params,
  body: z.strictObject({ quantity: z.number().int().min(1).max(1_000_000) }),
  answers: { 201: { description: 'The restock', schema: Restock, headers: ['Idempotency-Replayed'] } },
  problems: ['not_found', 'idempotency_key_reused'],
});
export const salesReport = defineOperation({
  id: 'salesReport',
  summary: 'Units and revenue per product and minute (confirmed less refunded)',
  service: 'products',
  method: 'get',
  path: '/v1/reports/sales',
  access: 'admin',
  query: z.strictObject({ ...pageQuery, productId: id('prd').optional().describe('only of this product') }),
  answers: {
    200: {
      description: 'A page of minutes, newest first',
      schema: pageOf(
        z.object({
          productId: id('prd'),
          minute: timestamp,
          units: z.number().int(),
          revenue: z.number().int().describe('won'),
          currency,
        }),
      ),
    },
  },
  problems: ['invalid_cursor'],
});
