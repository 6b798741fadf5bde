/**
 * The full refund of one captured payment: the provider gives the money back, MariaDB records it, and a buyer's units
 * return to the gate. It only goes forward. A provider that refuses for good leaves the payment REFUNDING, with an
 * alarm: the workflow fails where operators see it. Started again once that is settled, it asks under a new key.
 */
import { ApplicationFailure, CancellationScope, setCurrentDetails } from '@temporalio/workflow';
import type { RefundInput, RefundResult } from '../../domain/saga';
import { activities } from '../proxies';

export function refund({ paymentId }: RefundInput): Promise<RefundResult> {
  // Money that is half given back is nobody's wish: an operator's cancel changes nothing.
  return CancellationScope.nonCancellable(() => giveBack(paymentId));
}

async function giveBack(paymentId: string): Promise<RefundResult> {
  const claim = await activities.stores.readRefund.executeWithOptions({ summary: paymentId }, [{ paymentId }]);
  if (!claim || claim.status === 'REFUNDED') return { paymentId, kind: 'nothing' };
  setCurrentDetails(`\`${claim.orderId}\` ${claim.amount} won, ${claim.kind}: ${claim.reason}`);
  const summary = `${claim.orderId} ${paymentId}`;

  const answer = await activities.provider.refundWithProvider.executeWithOptions({ summary }, [claim]);
  if (answer.kind === 'refused') {
    const { code, message } = answer;
    await activities.stores.recordRefundRefusal.executeWithOptions({ summary }, [
      { paymentId, refusals: claim.refusals ?? 0, code, message },
    ]);
    throw ApplicationFailure.nonRetryable(`the provider refuses to refund: ${code} ${message}`, 'REFUND_REFUSED');
  }

  const adjustments = await activities.stores.recordRefund.executeWithOptions({ summary }, [claim]);
  for (const adjustment of adjustments) {
    await activities.stores.returnUnits.executeWithOptions({ summary: `${claim.orderId} ${adjustment.productId}` }, [
      adjustment,
    ]);
  }
  return { paymentId, kind: 'refunded' };
}
