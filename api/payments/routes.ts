/** Routes of payments and of the provider's webhooks. */
import { id } from '../../domain/operations/fields';
import {
  confirmPayment,
  createPayment,
  getPayment,
  listPayments,
  receiveWebhook,
} from '../../domain/operations/payments';
import { decodeCursor, encodeCursor, requestHash } from '../../infra/http/canonical';
import { bind, operationRouter, type Reply, replayed } from '../../infra/http/operation-router';
import type { Confirmed, PaymentsService } from './service';

/** What is not known yet is followed at the order's checkout. */
function replyOf({ status, isReplay, body }: Confirmed): Reply {
  if (isReplay) return replayed({ status, body });
  return status === 202 ? { status, body, headers: { location: `/v1/checkouts/${body.orderId}` } } : { status, body };
}

export const paymentsRouter = (service: PaymentsService) =>
  operationRouter([
    bind(createPayment, async ({ body, principal }) => {
      const { body: payment, isNew } = await service.create(body.orderId, principal.memberId);
      const headers = { location: `/v1/payments/${payment.paymentId}` };
      return isNew ? { status: 201, body: payment, headers } : { status: 200, body: payment };
    }),

    bind(confirmPayment, async ({ body, params, principal, idempotencyKey }) => {
      const { memberId } = principal;
      const key = { memberId, key: idempotencyKey, bodyHash: requestHash({ params, body }) };
      return replyOf(await service.confirm({ memberId, ...body }, key));
    }),

    bind(listPayments, async ({ query, principal }) => {
      const { limit, status, cursor } = query;
      const before = decodeCursor(cursor, id('pay'));
      // One more than asked tells whether there is a next page.
      const found = await service.list({ memberId: principal.memberId, status, before, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      const nextCursor = found.length > limit && last ? encodeCursor(last.paymentId) : null;
      return { status: 200, body: { items, nextCursor } };
    }),

    bind(getPayment, async ({ params, principal }) => ({
      status: 200,
      body: await service.find(params.paymentId, principal.memberId),
    })),

    bind(receiveWebhook, async ({ body }) => {
      await service.receiveWebhook(body);
      return { status: 200 };
    }),
  ]);
