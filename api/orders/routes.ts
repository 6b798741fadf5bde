/** Routes of checkouts, orders and refunds. */
import { Problem } from '../../domain/errors';
import {
  cancelCheckout,
  createCheckout,
  createRefund,
  getCheckout,
  getOrder,
  getRefund,
  listOrders,
  streamCheckout,
} from '../../domain/operations/orders';
import { canonicalHash, decodeCursor, encodeCursor, requestHash } from '../../infra/http/canonical';
import {
  bind,
  type OperationRequest,
  operationRouter,
  type Reply,
  replayed,
  STREAMED,
} from '../../infra/http/operation-router';
import { isTicketFor } from '../../infra/http/ticket';
import type { Admitted } from './admission';
import type { OrdersService } from './service';
import { streamCheckout as stream } from './stream';
import { checkoutPath, refundPath } from './views';

export interface OrdersRouterDeps {
  readonly service: OrdersService;
  /** signs and verifies event-stream tickets */
  readonly ticketSecret: string;
}

export const ordersRouter = ({ service, ticketSecret }: OrdersRouterDeps) =>
  operationRouter([
    bind(createCheckout, async (request) => {
      const admitted = await admit(service, request);
      const accepted: Reply = {
        status: 202,
        body: service.accepted(admitted),
        headers: { location: checkoutPath(admitted.orderId) },
      };
      const reply = request.prefer.waitS ? await waited(service, request.prefer.waitS, admitted) : accepted;
      return admitted.isReplay ? replayed(reply ?? accepted) : (reply ?? accepted);
    }),

    bind(getCheckout, async ({ params, principal }) => ({
      status: 200,
      body: await service.checkout(params.orderId, principal.memberId),
    })),

    bind(streamCheckout, async ({ params, query, principal, header, raw, signal }) => {
      const { orderId } = params;
      if (!principal && !isTicketFor(ticketSecret, orderId, query.ticket ?? '')) throw new Problem('unauthorized');
      const lastSeen = Number.parseInt(header('last-event-id') ?? '0', 10) || 0;
      await stream(service, { orderId, viewer: principal?.memberId ?? null, lastSeen, response: raw.response, signal });
      return STREAMED;
    }),

    bind(cancelCheckout, async ({ params, principal, idempotencyKey }) => {
      const { view, isReplay } = await service.cancel(params.orderId, principal.memberId, idempotencyKey);
      const reply: Reply = { status: 200, body: view };
      return isReplay ? replayed(reply) : reply;
    }),

    bind(listOrders, async ({ query, principal }) => {
      const before = decodeCursor(query.cursor);
      const { limit, status } = query;
      const found = await service.list(principal, {
        limit: limit + 1,
        ...(before ? { before } : {}),
        ...(status ? { status } : {}),
      });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return {
        status: 200,
        body: { items, nextCursor: found.length > limit && last ? encodeCursor(last.orderId) : null },
      };
    }),

    bind(getOrder, async ({ params, principal }) => ({
      status: 200,
      body: await service.order(params.orderId, principal),
    })),

    bind(createRefund, async (request) => {
      const { params, body, principal, idempotencyKey } = request;
      const { view, isReplay } = await service.refund(
        { orderId: params.orderId, reason: body.reason, idempotencyKey, bodyHash: requestHash(request) },
        principal,
      );
      const reply: Reply = {
        status: 202,
        body: view,
        headers: { location: refundPath(view.orderId, view.refundId) },
      };
      return isReplay ? replayed(reply) : reply;
    }),

    bind(getRefund, async ({ params, principal }) => ({
      status: 200,
      body: await service.readRefund(params.orderId, params.refundId, principal),
    })),
  ]);

/** A repeated cart checkout finds its cart emptied: the order its key is bound to is looked for first. */
async function admit(service: OrdersService, request: OperationRequest<typeof createCheckout>): Promise<Admitted> {
  const { body, principal, idempotencyKey } = request;
  const { memberId } = principal;
  const bodyHash = canonicalHash(body);
  const shared = {
    memberId,
    idempotencyKey,
    bodyHash,
    ...(body.expectedAmount === undefined ? {} : { expectedAmount: body.expectedAmount }),
  };
  if ('items' in body) return service.admit({ ...shared, lines: body.items, fromCart: false });
  const known = await service.findByKey(memberId, idempotencyKey);
  if (known && known.bodyHash !== bodyHash) throw new Problem('idempotency_key_reused');
  if (known) return { ...known, isReplay: true };
  return service.admit({ ...shared, lines: await service.cartLines(memberId), fromCart: true });
}

/** 201 when the order became payable in time; null: still queued, the 202 stands. */
async function waited(service: OrdersService, waitS: number, admitted: Admitted): Promise<Reply | null> {
  const order = await service.waitUntilPayable(admitted, waitS * 1_000);
  if (order.status === 'QUEUED') return null;
  return {
    status: 201,
    body: service.accepted(order),
    headers: { location: checkoutPath(order.orderId), 'preference-applied': `wait=${waitS}` },
  };
}
