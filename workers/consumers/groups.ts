/** Which effect each group's events have. */
import type { ConsumerGroup } from '../../domain/names';
import type { Effect } from '../../infra/mysql/repositories/inbox';
import { notify } from './notifications';
import { countSales } from './sales';

export const EFFECTS: Readonly<Record<ConsumerGroup, Effect>> = { notifications: notify, sales: countSales };
