/**
 * The tables as TypeORM knows them: for its repositories and query builders, and for the picture in docs/erd.md.
 * They follow the migrations, never the other way round; a test holds the two together.
 */

import { gate, idempotencyKeys, leases } from './coordination';
import { consumedVersions, deadLetters, inbox, notifications, outbox, salesMinutes } from './events';
import { members, refreshTokens, sessions } from './members';
import { dispatchLine, orderHistory, orderLines, orders } from './orders';
import { paymentHistory, payments, refunds, webhookEvents } from './payments';
import { cartItems, memberLimits, products, stock, stockAdjustments } from './products';

export const ENTITIES = [
  members,
  sessions,
  refreshTokens,
  products,
  stock,
  stockAdjustments,
  memberLimits,
  cartItems,
  orders,
  orderLines,
  orderHistory,
  dispatchLine,
  payments,
  paymentHistory,
  refunds,
  webhookEvents,
  outbox,
  inbox,
  consumedVersions,
  notifications,
  salesMinutes,
  deadLetters,
  gate,
  leases,
  idempotencyKeys,
];

export interface Reference {
  readonly from: string;
  readonly column: string;
  readonly to: string;
  /** how many rows of `from` one row of `to` may have */
  readonly many: 'one' | 'many';
}

/**
 * What points at what. No foreign keys stand behind it: what is a record is not deleted (what is not, is trimmed by age, each
 * table by itself), and a foreign key would lock the parent's row in every write of a burst (all orders of a drop point at one product).
 */
export const REFERENCES: readonly Reference[] = [
  { from: 'sessions', column: 'member_id', to: 'members', many: 'many' },
  { from: 'refresh_tokens', column: 'session_id', to: 'sessions', many: 'many' },
  { from: 'stock', column: 'product_id', to: 'products', many: 'one' },
  { from: 'stock_adjustments', column: 'product_id', to: 'stock', many: 'many' },
  { from: 'member_limits', column: 'product_id', to: 'products', many: 'many' },
  { from: 'member_limits', column: 'member_id', to: 'members', many: 'many' },
  { from: 'cart_items', column: 'member_id', to: 'members', many: 'many' },
  { from: 'cart_items', column: 'product_id', to: 'products', many: 'many' },
  { from: 'orders', column: 'member_id', to: 'members', many: 'many' },
  { from: 'order_lines', column: 'order_id', to: 'orders', many: 'many' },
  { from: 'order_lines', column: 'product_id', to: 'products', many: 'many' },
  { from: 'order_history', column: 'order_id', to: 'orders', many: 'many' },
  { from: 'payments', column: 'order_id', to: 'orders', many: 'many' },
  { from: 'payment_history', column: 'payment_id', to: 'payments', many: 'many' },
  { from: 'refunds', column: 'payment_id', to: 'payments', many: 'one' },
  { from: 'outbox', column: 'order_id', to: 'orders', many: 'many' },
  { from: 'inbox', column: 'event_id', to: 'outbox', many: 'many' },
  { from: 'notifications', column: 'member_id', to: 'members', many: 'many' },
  { from: 'notifications', column: 'event_id', to: 'outbox', many: 'one' },
  { from: 'sales_minutes', column: 'product_id', to: 'products', many: 'many' },
  { from: 'idempotency_keys', column: 'member_id', to: 'members', many: 'many' },
];
