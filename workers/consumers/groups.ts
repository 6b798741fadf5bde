/** Which group takes which topics, with which effect. */
import type { DomainEvent } from '../../domain/events/event';
import type { ConsumerGroup, TopicName } from '../../domain/names';
import type { Sql } from '../../infra/mysql/transaction';
import { notify } from './notifications';
import { countSale } from './sales';

export interface GroupPlan {
  readonly topics: readonly TopicName[];
  readonly effect: (tx: Sql, event: DomainEvent) => Promise<void>;
}

export const GROUPS: Readonly<Record<ConsumerGroup, GroupPlan>> = {
  notifications: { topics: ['orders', 'payments'], effect: notify },
  sales: { topics: ['orders'], effect: countSale },
};
