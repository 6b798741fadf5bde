/** Puts the payments service together from what a process has opened. */
import type { Redis } from 'ioredis';
import type { DataSource } from 'typeorm';
import type { Provider } from '../../domain/provider';
import type { OperationRouter } from '../../infra/http/operation-router';
import type { Ledger } from '../../infra/mysql/ledger';
import { createConfirmKeys } from '../../infra/mysql/repositories/bound-keys';
import { createPaymentsRepository } from '../../infra/mysql/repositories/payments';
import { createWebhooksRepository } from '../../infra/mysql/repositories/webhooks';
import type { Config } from '../../infra/process/config';
import type { Logger } from '../../infra/process/logger';
import { hearNews } from '../../infra/redis/order-news';
import type { Temporal } from '../../infra/temporal/client';
import { createNudge } from '../../infra/temporal/nudge';
import { executeConfirm, startRefund } from '../../infra/temporal/starts';
import { createConfirm } from './confirm';
import { startHintReader } from './hints';
import { createOrderWatch } from './order-watch';
import { paymentsRouter } from './routes';
import { createPaymentsService } from './service';

export interface PaymentsParts {
  readonly source: DataSource;
  readonly ledger: Ledger;
  readonly temporal: Temporal;
  readonly provider: Provider;
  /** a connection for news only: a subscribed connection can do nothing else */
  readonly newsRedis: Redis;
  readonly config: Pick<Config, 'CONFIRM_WAIT_MS' | 'PAYMENT_ATTEMPTS' | 'SHOP'>;
  readonly logger: Logger;
}
export interface PaymentsModule {
  readonly router: OperationRouter;
  /** Ends what goes on behind answered requests; call it before the stores are closed. */
  stop(): Promise<void>;
}

export async function composePayments(parts: PaymentsParts): Promise<PaymentsModule> {
  const { source, ledger, temporal, config, logger } = parts;
  const payments = createPaymentsRepository(source);
  const webhooks = createWebhooksRepository(source);
  const watch = createOrderWatch(payments.payableOrders);
  const endNews = await hearNews(parts.newsRedis, config.SHOP, watch.wake);
  const nudge = createNudge(temporal, logger);
  const waitMs = config.CONFIRM_WAIT_MS;

  const confirm = createConfirm({
    payments,
    watch,
    setPaying: ledger.setPaying,
    askOwner: (owner, payment) => executeConfirm(temporal, { owner, answerMs: waitMs, ...payment }),
    nudgeSweeper: nudge,
    attemptsMax: config.PAYMENT_ATTEMPTS,
    waitMs,
    onLateError: (error) => logger.warn({ error }, 'a payment was not pursued to its end'),
  });
  const service = createPaymentsService({
    payments,
    keys: createConfirmKeys(source),
    webhooks,
    confirm,
    watch,
    setPaying: ledger.setPaying,
    waitMs,
  });
  const hints = startHintReader({
    webhooks,
    payments,
    provider: parts.provider,
    claimLateMoney: ledger.claimLateMoney,
    startRefund: (refund) => startRefund(temporal, refund),
    nudgeSweeper: nudge,
    onProblem: ({ message, ...fact }) => logger.warn(fact, message),
  });
  return {
    router: paymentsRouter(service),
    async stop() {
      endNews();
      await Promise.all([hints.stop(), service.close()]);
    },
  };
}
