import { EntitySchema } from 'typeorm';
import { id, integer, nullable, primary, text, time } from './columns';

/** One product on sale; written by admins. */
export const products = new EntitySchema({
  name: 'products',
  columns: {
    id: id(primary),
    name: text(200)(),
    type: text(8)(),
    price: integer(),
    opens_at: time(nullable),
    closes_at: time(nullable),
    limit_per_member: integer(nullable),
    version: integer({ default: 1 }),
    created_at: time(),
    updated_at: time(),
  },
});

/** The units of one product: written by the ledger alone, each change one guarded statement. */
export const stock = new EntitySchema({
  name: 'stock',
  columns: {
    product_id: id(primary),
    on_hand: integer({ default: 0 }),
    held: integer({ default: 0 }),
    sold: integer({ default: 0 }),
    adjustments: integer({ default: 0 }),
  },
  checks: [
    {
      name: 'ck_stock_units',
      expression: 'on_hand >= 0 AND held >= 0 AND sold >= 0 AND held + sold <= on_hand',
    },
  ],
});

/** One rise of a product's available units (first stock, restock, refund), numbered for the gate. Never changed. */
export const stockAdjustments = new EntitySchema({
  name: 'stock_adjustments',
  columns: {
    product_id: id(primary),
    n: integer(primary),
    delta: integer(),
    reason: text(20)(),
    reference: text(64)(nullable),
    created_at: time(),
  },
});

/** Units one member has of one limited product, open orders included. */
export const memberLimits = new EntitySchema({
  name: 'member_limits',
  columns: { product_id: id(primary), member_id: id(primary), units: integer(), max_units: integer() },
  checks: [{ name: 'ck_member_limits_units', expression: 'units >= 0 AND units <= max_units' }],
});

/** One line of a cart: it holds no units. Leaves when ordered or taken out. */
export const cartItems = new EntitySchema({
  name: 'cart_items',
  columns: {
    member_id: id(primary),
    product_id: id(primary),
    quantity: integer(),
    created_at: time(),
    updated_at: time(),
  },
});
