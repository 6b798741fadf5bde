/**
 * Admission: from a checkout request to a recorded acceptance, or a refusal that leaves nothing.
 *
 * 1. What is full or down refuses before any unit is taken (backlog, breaker), and so does the sold-out cell.
 * 2. The gate decides, atomically and in order, and takes the units (one Lua script).
 * 3. The ledger records the order; only then is the buyer told. Whatever the ledger refuses is dropped from the gate
 *    without giving units back: MariaDB says they were never there, and the drift check puts the number right.
 *
 * A caller that dies between 2 and 3 leaves a hold without a row; the gate worker gives it back after ten seconds.
 */
import { Problem } from '../../domain/errors';
import { createId } from '../../domain/ids';
import type { Acceptance, Reservation } from '../../infra/mysql/ledger/types';
import type { OrderRow, OrdersRepository } from '../../infra/mysql/repositories/orders';
import type { Gate, ReserveOutcome, ReserveRequest } from '../../infra/redis/gate-types';
import type { BacklogBound, Entry } from './backlog';
import type { Breaker } from './breaker';

export interface CheckoutRequest {
  readonly memberId: string;
  readonly idempotencyKey: string;
  /** sha-256 hex of the canonical body */
  readonly bodyHash: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
  readonly expectedAmount?: number;
  readonly fromCart: boolean;
}
export type Admitted = Pick<OrderRow, 'orderId' | 'memberId' | 'sequence' | 'status' | 'amount' | 'items'> & {
  readonly isReplay: boolean;
};

export interface AdmissionDeps {
  readonly gate: Gate;
  readonly accept: (reservation: Reservation) => Promise<Acceptance>;
  readonly orders: OrdersRepository;
  readonly breaker: Breaker;
  /** a product of these known to be sold out for this member, or null */
  readonly knownSoldOut: (productIds: readonly string[], memberId: string) => string | null;
  /** tells the cell that the gate said "sold out" */
  readonly noteSoldOut: (productId: string) => void;
  /** true only when every unit on hand is sold (asks MariaDB) */
  readonly isAllSold: (productId: string) => Promise<boolean>;
  readonly backlog: BacklogBound;
  /** logs what a refusal must not hide */
  readonly onError: (error: unknown, what: string) => void;
}

type Seat = Pick<Extract<Entry, { kind: 'seated' }>, 'leave'>;

/** A repeat may meet the first call between gate and ledger: this long it waits for the row. */
const ROW_WAIT_MS = 2_000;
const ROW_LOOK_MS = 25;

export function createAdmission(deps: AdmissionDeps) {
  const { gate, orders } = deps;

  /** `final` is a promise that no unit will come back, so MariaDB is asked. */
  const soldOut = async (productId: string): Promise<Problem> => {
    const isFinal = await deps.isAllSold(productId).catch(() => false);
    return new Problem('sold_out', { members: { productId, final: isFinal } });
  };

  const replay = (order: OrderRow, request: CheckoutRequest): Admitted => {
    if (order.bodyHash !== request.bodyHash) throw new Problem('idempotency_key_reused');
    return { ...order, isReplay: true };
  };

  const rowOfKey = async (request: CheckoutRequest): Promise<OrderRow | null> => {
    const until = Date.now() + ROW_WAIT_MS;
    for (;;) {
      const row = await orders.findByKey(request.memberId, request.idempotencyKey);
      if (row || Date.now() > until) return row;
      await new Promise((resolve) => setTimeout(resolve, ROW_LOOK_MS));
    }
  };

  const refusalOf = async (
    outcome: Exclude<ReserveOutcome, { kind: 'reserved' | 'replayed' }>,
    request: CheckoutRequest,
  ) => {
    switch (outcome.kind) {
      case 'soldOut':
        deps.noteSoldOut(outcome.productId);
        return soldOut(outcome.productId);
      case 'limitReached':
        return new Problem('limit_reached', { members: { productId: outcome.productId } });
      case 'notOpen':
        return new Problem('sale_not_open', { members: { productId: outcome.productId, opensAt: outcome.opensAt } });
      case 'closed':
        return new Problem('sale_closed', { members: { productId: outcome.productId } });
      case 'priceChanged':
        return new Problem('price_changed', { members: { amount: outcome.amount } });
      case 'gateClosed':
        return gateClosed(request);
    }
  };

  /** The gate does not know a product: either nobody does, or the gate is being rebuilt. */
  const gateClosed = async (request: CheckoutRequest): Promise<Problem> => {
    const known = await orders.knownProducts(request.lines.map((line) => line.productId));
    const index = request.lines.findIndex((line) => !known.has(line.productId));
    if (index < 0) return new Problem('gate_rebuilding', { retryAfterS: 1 });
    const pointer = request.fromCart ? '#/cart' : `#/items/${index}/productId`;
    return new Problem('unknown_product', {
      errors: [{ pointer, code: 'unknown_product', detail: 'no such product' }],
    });
  };

  const record = async (reservation: Reservation, request: CheckoutRequest, seat: Seat): Promise<Admitted> => {
    const { orderId } = reservation;
    // In one turn: the place in the line takes over from the seat.
    seat.leave();
    const acceptance = await deps.backlog
      .joining(() => deps.accept(reservation))
      .catch((error: unknown) => {
        deps.breaker.failed();
        throw error;
      });
    deps.breaker.succeeded();
    const drop = () => gate.dropHold(orderId).catch((error: unknown) => deps.onError(error, 'drop hold'));
    switch (acceptance.kind) {
      case 'accepted':
        return {
          orderId,
          memberId: reservation.memberId,
          sequence: reservation.sequence,
          status: 'QUEUED',
          amount: reservation.amount,
          items: reservation.lines,
          isReplay: false,
        };
      case 'replayed': {
        // The gate had forgotten the key. The new hold has no row, so it is given back by its age.
        await gate.syncHold(orderId).catch((error: unknown) => deps.onError(error, 'sync hold'));
        const row = await orders.find(acceptance.orderId, request.memberId);
        if (!row) throw new Problem('unavailable', { retryAfterS: 1 });
        return replay(row, request);
      }
      case 'soldOut':
        await drop();
        throw await soldOut(acceptance.productId);
      case 'limitReached':
        await drop();
        throw new Problem('limit_reached', { members: { productId: acceptance.productId } });
      case 'staleGeneration':
        throw new Problem('gate_rebuilding', { retryAfterS: 1 });
    }
  };

  const takeSeat = async (request: CheckoutRequest): Promise<Seat> => {
    const entry = await deps.backlog.enter();
    if (entry.kind === 'seated') return entry;
    // An accepted checkout that is repeated keeps its answer, however long the line is.
    const row = await orders.findByKey(request.memberId, request.idempotencyKey);
    if (!row) throw new Problem('backlog_full', { retryAfterS: entry.retryAfterS });
    return { leave: () => undefined };
  };

  const reserve = (orderId: string, request: CheckoutRequest): Promise<ReserveOutcome> => {
    const wanted: ReserveRequest = {
      orderId,
      memberId: request.memberId,
      idempotencyKey: request.idempotencyKey,
      bodyHash: request.bodyHash,
      lines: request.lines,
      ...(request.expectedAmount === undefined ? {} : { expectedAmount: request.expectedAmount }),
    };
    return gate.reserve(wanted).catch((error: unknown) => {
      // Unreachable is closed: whether units were taken is found out by the hold's age.
      deps.onError(error, 'reserve');
      throw new Problem('gate_rebuilding', { retryAfterS: 1 }, { cause: error });
    });
  };

  const attempt = async (request: CheckoutRequest, seat: Seat): Promise<Admitted | null> => {
    const orderId = createId('ord');
    const outcome = await reserve(orderId, request);
    if (outcome.kind === 'reserved') {
      const { sequence, generation, lines, amount, limits } = outcome;
      const { memberId, idempotencyKey, bodyHash, fromCart } = request;
      const taken = { sequence, generation, lines, amount, limits };
      return record({ orderId, memberId, idempotencyKey, bodyHash, fromCart, ...taken }, request, seat);
    }
    // Whatever it is told now, it takes no place in the line.
    seat.leave();
    if (outcome.kind !== 'replayed') throw await refusalOf(outcome, request);
    const row = await rowOfKey(request);
    return row ? replay(row, request) : null;
  };

  /** The cell before the line: whom it refuses neither counts nor waits for a seat. */
  const assertWorthwhile = async (request: CheckoutRequest): Promise<void> => {
    if (!(await deps.breaker.isClosed())) throw new Problem('unavailable', { retryAfterS: 1 });
    const productIds = request.lines.map((line) => line.productId);
    const known = deps.knownSoldOut(productIds, request.memberId);
    if (known !== null) throw await soldOut(known);
  };

  const decide = async (request: CheckoutRequest, seat: Seat): Promise<Admitted> => {
    const admitted = await attempt(request, seat);
    if (admitted) return admitted;
    // Once more: the first holder of the key may have been refused by the ledger while we waited for its row.
    const another = await takeSeat(request);
    try {
      const repeated = await attempt(request, another);
      if (!repeated) throw new Problem('request_in_progress', { retryAfterS: 1 });
      return repeated;
    } finally {
      another.leave();
    }
  };

  return {
    /**
     * Admits a checkout.
     * @throws Problem with the refusal; nothing of a refused request remains
     */
    async admit(request: CheckoutRequest): Promise<Admitted> {
      await assertWorthwhile(request);
      const seat = await takeSeat(request);
      try {
        return await decide(request, seat);
      } finally {
        seat.leave();
      }
    },
  };
}

export type Admission = ReturnType<typeof createAdmission>;
