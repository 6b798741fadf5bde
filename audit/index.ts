/** All checks, in the order of the invariants. */
import type { Check } from './audit';
import { stockAddsUp } from './i01-stock-adds-up';
import { noOversell } from './i02-no-oversell';
import { moneyAgrees } from './i03-money-agrees';
import { oneCapture } from './i04-one-capture';
import { capturesHaveOrders } from './i05-captures-have-orders';
import { confirmedArePaid } from './i06-confirmed-are-paid';
import { ordersEndLegally } from './i07-orders-end-legally';
import { nothingLeftBehind } from './i08-nothing-left-behind';
import { eventsTakeEffectOnce } from './i09-events-take-effect-once';
import { oneAnswerPerKey } from './i10-one-answer-per-key';
import { nothingAcknowledgedLost } from './i11-nothing-acknowledged-lost';
import { noUnitIsStuck } from './i12-no-unit-is-stuck';
import { firstComeFirstServed } from './i13-first-come-first-served';

export const CHECKS: readonly Check[] = [
  stockAddsUp,
  noOversell,
  moneyAgrees,
  oneCapture,
  capturesHaveOrders,
  confirmedArePaid,
  ordersEndLegally,
  nothingLeftBehind,
  eventsTakeEffectOnce,
  oneAnswerPerKey,
  nothingAcknowledgedLost,
  noUnitIsStuck,
  firstComeFirstServed,
];
