/** One round of the sweeper, started by a schedule. A round that fails is repeated by the next one. */
import type { SweepResult } from '../../domain/saga';
import { activities } from '../proxies';

export async function sweep(): Promise<SweepResult> {
  const [resumed, refunds] = await Promise.all([activities.sweeping.sweepOrders(), activities.sweeping.sweepRefunds()]);
  return { resumed, refunds };
}
