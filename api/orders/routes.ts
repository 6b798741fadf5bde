/** Routes of checkouts, orders and refunds. */
import { Problem } from '../../domain/errors';
import { id } from '../../domain/operations/fields';
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
      const { waitS } = request.prefer;
      const reply = waitS ? await waited(service, waitS, admitted) : accepted(service, admitted);
      return admitted.isReplay ? replayed(reply) : reply;
    }),

    bind(getCheckout, async ({ params, principal }) => ({
      status: 200,
      body: await service.checkout(params.orderId, principal.memberId),
    })),

    bind(streamCheckout, async ({ params, query, principal, header, raw, signal }) => {
      const { orderId } = params;
      if (!principal && !isTicketFor(ticketSecret, orderId, query.ticket ?? '')) throw new Problem('unauthorized');
      const lastSeen = Number.parseInt(header('last-event-id') ?? '0', 10) || 0;
      const viewer = principal?.memberId ?? null;
      const isHead = raw.request.method === 'HEAD';
      await stream(service, { orderId, viewer, lastSeen, isHead, response: raw.response, signal });
      return STREAMED;
    }),

    bind(cancelCheckout, async (request) => {
      const { params, principal, idempotencyKey } = request;
      const key = { memberId: principal.memberId, key: idempotencyKey, bodyHash: requestHash(request) };
      const { view, isReplay } = await service.cancel(params.orderId, key);
      const reply: Reply = { status: 200, body: view };
      return isReplay ? replayed(reply) : reply;
    }),

    bind(listOrders, async ({ query, principal }) => {
      const before = decodeCursor(query.cursor, id('ord'));
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

const accepted = (service: OrdersService, order: Admitted): Reply => ({
  status: 202,
  body: service.accepted(order),
  headers: { location: checkoutPath(order.orderId) },
});

/**
 * 201 says "ready to be paid", so only of an order that is. One that still queues, or that has ended meanwhile (a repeat
 * of an old checkout, too), is 202 with its status in the body (docs/decisions/0008).
 */
async function waited(service: OrdersService, waitS: number, admitted: Admitted): Promise<Reply> {
  const order = await service.waitWhileQueued(admitted, waitS * 1_000);
  const reply = accepted(service, order);
  if (order.status === 'QUEUED') return reply;
  const status = order.status === 'PENDING_PAYMENT' ? 201 : 202;
  return { ...reply, status, headers: { ...reply.headers, 'preference-applied': `wait=${waitS}` } };
}
