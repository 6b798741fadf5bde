/** Cart: what a member means to buy; no units are held by it. */
import { z } from 'zod';
import { amount, id, price, quantity } from './fields';
import { defineOperation } from './operation';

export const CartItem = z.object({
  productId: id('prd'),
  name: z.string(),
  price,
  quantity,
  orderable: z.boolean().describe('open for sale now and not known to be sold out'),
});
export const Cart = z.object({ items: z.array(CartItem), total: amount });

const params = z.strictObject({ productId: id('prd') });

export const getCart = defineOperation({
  id: 'getCart',
  summary: 'My cart at current prices',
  service: 'carts',
  method: 'get',
  path: '/v1/cart',
  access: 'member',
  answers: { 200: { description: 'The cart', schema: Cart } },
});
export const putCartItem = defineOperation({
  id: 'putCartItem',
  summary: 'Set the quantity of a product in my cart',
  service: 'carts',
  method: 'put',
  path: '/v1/cart/items/{productId}',
  access: 'member',
  params,
  body: z.strictObject({ quantity }),
  answers: {
    200: { description: 'Changed', schema: CartItem },
    201: { description: 'Added', schema: CartItem },
  },
  problems: ['not_found', 'invalid_request'],
});
export const deleteCartItem = defineOperation({
  id: 'deleteCartItem',
  summary: 'Take a product out of my cart (also when it is not in it)',
  service: 'carts',
  method: 'delete',
  path: '/v1/cart/items/{productId}',
  access: 'member',
  params,
  answers: { 204: { description: 'It is not in the cart now, whether it was or not' } },
  // Only for what cannot be the id of a product: any other is simply not in the cart afterwards.
  problems: ['not_found'],
});
