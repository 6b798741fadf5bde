/** Routes of products, stock, restocks and the sales report. */
import { z } from 'zod';
import { CURRENCY } from '../../domain/money';
import { id, timestamp } from '../../domain/operations/fields';
import {
  createProduct,
  createRestock,
  getProduct,
  getStock,
  listProducts,
  salesReport,
  updateProduct,
} from '../../domain/operations/products';
import { decodeCursor, encodeCursor, requestHash } from '../../infra/http/canonical';
import { bind, operationRouter, type Reply, replayed } from '../../infra/http/operation-router';
import type { ProductRow } from '../../infra/mysql/repositories/products';
import { etagOf, type ProductsService, productView } from './service';

const productReply = (status: number, product: ProductRow): Reply => ({
  status,
  body: productView(product),
  headers: { etag: etagOf(product) },
});
const salesPosition = z.tuple([timestamp, id('prd')]);

export const productsRouter = (service: ProductsService) =>
  operationRouter([
    bind(listProducts, async ({ query }) => {
      const before = decodeCursor(query.cursor, id('prd'));
      const found = await service.page({ type: query.type, before, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      const last = items.at(-1);
      const nextCursor = found.length > query.limit && last ? encodeCursor(last.productId) : null;
      return { status: 200, body: { items: items.map(productView), nextCursor } };
    }),

    bind(getProduct, async ({ params }) => productReply(200, await service.find(params.productId))),

    bind(getStock, async ({ params }) => ({ status: 200, body: await service.stock(params.productId) })),

    bind(createProduct, async ({ body }) => {
      const product = await service.create(body);
      const reply = productReply(201, product);
      return { ...reply, headers: { ...reply.headers, location: `/v1/products/${product.productId}` } };
    }),

    bind(updateProduct, async ({ params, body, header }) =>
      productReply(200, await service.update(params.productId, body, header('if-match'))),
    ),

    bind(createRestock, async (request) => {
      const { params, body, principal, idempotencyKey } = request;
      const { body: restock, isReplay } = await service.restock({
        productId: params.productId,
        quantity: body.quantity,
        memberId: principal.memberId,
        key: idempotencyKey,
        hash: requestHash(request),
      });
      const reply: Reply = { status: 201, body: restock };
      return isReplay ? replayed(reply) : reply;
    }),

    bind(salesReport, async ({ query }) => {
      const at = decodeCursor(query.cursor, salesPosition);
      const before = at ? { minute: new Date(at[0]), productId: at[1] } : undefined;
      const found = await service.sales({ productId: query.productId, before, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      const last = items.at(-1);
      const nextCursor =
        found.length > query.limit && last ? encodeCursor([last.minute.toISOString(), last.productId]) : null;
      const shown = items.map((each) => ({ ...each, minute: each.minute.toISOString(), currency: CURRENCY }));
      return { status: 200, body: { items: shown, nextCursor } };
    }),
  ]);
