/** Puts the orders service together from what a process has opened. */
import type { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import { cancelCheckout } from '../../domain/operations/orders';
import type { OperationRouter } from '../../infra/http/operation-router';
import { signTicket } from '../../infra/http/ticket';
import { createAcceptor, type Ledger } from '../../infra/mysql/ledger';
import { createBoundKeys } from '../../infra/mysql/repositories/bound-keys';
import { createOrdersRepository } from '../../infra/mysql/repositories/orders';
import type { Config } from '../../infra/process/config';
import type { Logger } from '../../infra/process/logger';
import type { Gate } from '../../infra/redis/gate-types';
import { hearNews } from '../../infra/redis/order-news';
import type { SoldOutCell } from '../../infra/redis/sold-out-cell';
import { sagaUrl, type Temporal } from '../../infra/temporal/client';
import { createNudge } from '../../infra/temporal/nudge';
import { executeCancel, startRefund } from '../../infra/temporal/starts';
import { type AdmissionDeps, createAdmission } from './admission';
import { createBacklogBound } from './backlog';
import { createBreaker } from './breaker';
import { createFinality } from './finality';
import { createFollowers } from './followers';
import { createRefundClaims } from './refunds';
import { ordersRouter } from './routes';
import { createOrdersService } from './service';

export const ORDERS_SETTINGS = [
  'SHOP',
  'TICKET_SECRET',
  'PROVIDER_CLIENT_KEY',
  'SANDBOX_URL',
  'DEMO',
  'CHECKOUT_BACKLOG_MAX',
  'ACCEPTANCE_BATCH_MAX',
  'CONFIRM_WAIT_MS',
] as const;

export interface OrdersParts {
  readonly source: DataSource;
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly soldOut: SoldOutCell;
  /** a connection for news only: a subscribed connection can do nothing else */
  readonly newsRedis: Redis;
  readonly temporal: Temporal;
  readonly config: Pick<Config, (typeof ORDERS_SETTINGS)[number]> & { readonly TICKET_SECRET: string };
  readonly logger: Logger;
}
export interface OrdersModule {
  readonly router: OperationRouter;
  /** Ends what goes on behind answered requests; call it before the stores are closed. */
  stop(): Promise<void>;
}

export async function composeOrders(parts: OrdersParts): Promise<OrdersModule> {
  const { source, ledger, gate, temporal, config, logger } = parts;
  const orders = createOrdersRepository(source);
  const followers = createFollowers({
    newest: orders.newest,
    onError: (error) => logger.warn({ error }, 'followers could not be served; they look again'),
  });
  const endNews = await hearNews(parts.newsRedis, config.SHOP, followers.wake);
  const nudge = createNudge(temporal, logger);

  const service = createOrdersService({
    orders,
    followers,
    admission: createAdmission(admissionDeps(parts, orders)),
    views: {
      clientKey: config.PROVIDER_CLIENT_KEY,
      signTicket: (orderId) => signTicket(config.TICKET_SECRET, orderId),
      ...(config.DEMO && config.SANDBOX_URL ? { sandboxUrl: config.SANDBOX_URL } : {}),
    },
    cancelQueued: async (orderId, memberId) => (await ledger.cancelQueued({ orderId, memberId })).kind === 'ended',
    cancelByOwner: async (call) => {
      const answer = await executeCancel(temporal, { ...call, answerMs: config.CONFIRM_WAIT_MS });
      if (answer.kind === 'gone') nudge();
      return answer;
    },
    cancelKeys: createBoundKeys(source, `POST ${cancelCheckout.path}`),
    syncHold: (orderId) => {
      // The gate worker repairs what this misses.
      gate.syncHold(orderId).catch((error: unknown) => logger.warn({ error, orderId }, 'hold not synced yet'));
    },
    claimRefund: createRefundClaims({
      source,
      ledger,
      startRefund: (refund) => startRefund(temporal, refund),
      onStartFailed: (error, paymentId) => logger.warn({ error, paymentId }, 'refund left to the sweeper'),
    }),
    sagaUrl: (owner) => sagaUrl(temporal, owner),
  });

  return {
    router: ordersRouter({ service, ticketSecret: config.TICKET_SECRET }),
    async stop() {
      followers.stop();
      endNews();
    },
  };
}

function admissionDeps(
  { source, ledger, gate, soldOut, config, logger }: OrdersParts,
  orders: ReturnType<typeof createOrdersRepository>,
): AdmissionDeps {
  const acceptor = createAcceptor({ acceptOrders: ledger.acceptOrders, batchMax: config.ACCEPTANCE_BATCH_MAX });
  const breaker = createBreaker({ probe: () => source.query('SELECT 1') });
  // Who cannot count the line could not record an order either: such failures open the breaker too.
  const backlog = { read: ledger.backlog, max: config.CHECKOUT_BACKLOG_MAX, onFailure: breaker.failed };
  return {
    gate,
    orders,
    accept: acceptor.accept,
    breaker,
    knownSoldOut: (productIds, memberId) => soldOut.answer(productIds, memberId)?.productId ?? null,
    noteSoldOut: soldOut.note,
    isAllSold: createFinality(async (productId) => {
      const stock = await orders.stock(productId);
      return stock !== null && stock.sold === stock.onHand;
    }),
    backlog: createBacklogBound(backlog),
    onError: (error, what) => logger.warn({ error, what }, 'admission'),
  };
}
