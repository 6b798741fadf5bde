/**
 * The gate: the one atomic admission decision. It may be wrong or lost at any time; MariaDB arbitrates.
 * Too low is repaired, too high is refused by the ledger before the buyer is told yes.
 */
import type { OrderLine } from '../../domain/order';
import type { Adjustment, HoldVerdict } from '../mysql/ledger/types';

export interface ReserveRequest {
  readonly orderId: string;
  readonly memberId: string;
  readonly idempotencyKey: string;
  readonly bodyHash: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  /** won; absent: the buyer takes whatever the price is */
  readonly expectedAmount?: number;
}

export type ReserveOutcome =
  | {
      readonly kind: 'reserved';
      readonly sequence: number;
      readonly generation: number;
      /** with price and name as the gate holds them now */
      readonly lines: readonly OrderLine[];
      readonly amount: number;
      /** products with a limit per member */
      readonly limits: Readonly<Record<string, number>>;
    }
  /** the key was used before: its order id and body hash; MariaDB has the answer */
  | { readonly kind: 'replayed'; readonly orderId: string; readonly bodyHash: string }
  | { readonly kind: 'soldOut'; readonly productId: string }
  | { readonly kind: 'limitReached'; readonly productId: string }
  | { readonly kind: 'notOpen'; readonly productId: string; readonly opensAt: string }
  | { readonly kind: 'closed'; readonly productId: string }
  | { readonly kind: 'priceChanged'; readonly amount: number }
  /** missing generation, other run id, or a product the gate does not know */
  | { readonly kind: 'gateClosed' };

export interface GateProduct {
  readonly productId: string;
  readonly name: string;
  /** won */
  readonly price: number;
  /** epoch milliseconds; null: no bound */
  readonly opensAt: number | null;
  readonly closesAt: number | null;
  readonly limitPerMember: number | null;
}
export interface GateStock {
  readonly productId: string;
  readonly available: number;
  /** counts every rise of available */
  readonly version: number;
  readonly opensAt: number | null;
  readonly closesAt: number | null;
  /** epoch milliseconds by Redis time */
  readonly asOf: number;
}

/** Reads what MariaDB says of an order's hold. */
export type ReadVerdict = (orderId: string) => Promise<HoldVerdict>;

export interface Gate {
  /** Decides everything that can be refused, for all lines, all or nothing. Throws only when Redis cannot be reached. */
  reserve(request: ReserveRequest): Promise<ReserveOutcome>;
  /**
   * The saga's first step: adopts the hold of an accepted order, or takes it again unconditionally when the gate lost it
   * (available may fall below 0). `unavailable` when the gate is closed or unreachable: the saga goes on, the ledger holds the units.
   */
  adopt(order: {
    readonly orderId: string;
    readonly memberId: string;
    readonly sequence: number;
    readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  }): Promise<'adopted' | 'retaken' | 'unavailable'>;
  /** Makes the hold follow MariaDB: leaves, removes, or removes and gives back. Idempotent; call after the commit. */
  syncHold(orderId: string): Promise<'kept' | 'removed' | 'none' | 'unavailable'>;
  /** Drops a hold that the ledger refused, without giving its units back. */
  dropHold(orderId: string): Promise<void>;
  /** n ≤ applied: no-op; n = applied + 1: applied; a gap: what is missing is read from MariaDB first. */
  applyAdjustment(adjustment: Adjustment): Promise<void>;
  /** A new product, or changed price, window, limit. Units come by applyAdjustment only (number 1 is the first stock). */
  putProduct(product: GateProduct): Promise<void>;
  readStock(productIds: readonly string[]): Promise<ReadonlyMap<string, GateStock>>;
}
