/** What operators watch of the dispatcher. */
import { Counter, Gauge } from 'prom-client';
import type { ClaimLedger } from '../../infra/mysql/ledger/types';
import type { Metrics } from '../../infra/process/metrics';

/** @returns counts a started workflow and its orders */
export function countStarts(metrics: Metrics): (orders: number) => void {
  const workflows = new Counter({
    name: 'dispatcher_workflows_total',
    help: 'workflows started',
    registers: [metrics],
  });
  const orders = new Counter({ name: 'dispatcher_orders_total', help: 'orders given to a saga', registers: [metrics] });
  return (count) => {
    workflows.inc();
    orders.inc(count);
  };
}

/** Read from MariaDB when somebody asks for the metrics. */
export function watchBacklog(metrics: Metrics, ledger: Pick<ClaimLedger, 'backlog'>): void {
  new Gauge({
    name: 'dispatcher_backlog_orders',
    help: 'accepted orders without a saga',
    registers: [metrics],
    async collect() {
      this.set((await ledger.backlog()).queued);
    },
  });
}
