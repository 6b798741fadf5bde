/** What operators watch of the checkout worker, besides what the Temporal SDK counts. */
import { Counter } from 'prom-client';
import type { LedgerOptions } from '../../infra/mysql/ledger';
import type { Logger } from '../../infra/process/logger';
import type { Metrics } from '../../infra/process/metrics';

/** Steps that went apart are slower and right: seldom they are no news, often they say why sagas are slow. */
export function watchSharedCommits(metrics: Metrics, logger: Logger): NonNullable<LedgerOptions['onApart']> {
  const apart = new Counter({
    name: 'checkout_orders_apart_total',
    help: 'orders whose step failed in a shared transaction, and went by itself',
    labelNames: ['step'],
    registers: [metrics],
  });
  return ({ step, orders, error }) => {
    apart.inc({ step }, orders);
    logger.warn({ error, step, orders }, 'a shared transaction failed; its orders go by themselves');
  };
}
