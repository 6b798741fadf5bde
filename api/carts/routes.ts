/** Routes of carts. */
import { deleteCartItem, getCart, putCartItem } from '../../domain/operations/carts';
import { bind, operationRouter } from '../../infra/http/operation-router';
import type { CartsService } from './service';

export const cartsRouter = (service: CartsService) =>
  operationRouter([
    bind(getCart, async ({ principal }) => ({ status: 200, body: await service.read(principal.memberId) })),

    bind(putCartItem, async ({ params, body, principal }) => {
      const { view, isNew } = await service.put(principal.memberId, params.productId, body.quantity);
      return { status: isNew ? 201 : 200, body: view };
    }),

    bind(deleteCartItem, async ({ params, principal }) => {
      await service.remove(principal.memberId, params.productId);
      return { status: 204 };
    }),
  ]);
