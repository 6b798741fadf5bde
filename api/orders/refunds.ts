/**
 * A buyer's refund: claimed in MariaDB together with the row that remembers the answer under its idempotency key,
 * then its workflow is started. A start that fails is no loss: the sweeper starts what MariaDB shows as REFUNDING.
 */
import type { DataSource } from 'typeorm';
import { Problem } from '../../domain/errors';
import { createRefund } from '../../domain/operations/orders';
import type { RefundStart } from '../../domain/saga';
import type { Ledger } from '../../infra/mysql/ledger';
import { findStored, type IdempotencyScope, store } from '../../infra/mysql/repositories/idempotency';
import { ERRNO, errnoOf, sqlOf } from '../../infra/mysql/transaction';
import type { RefundRequest, RefundStarted } from './service';

export interface RefundClaimsDeps {
  readonly source: DataSource;
  readonly ledger: Pick<Ledger, 'claimBuyerRefund'>;
  readonly startRefund: (refund: RefundStart) => Promise<unknown>;
  /** the workflow could not be started now; the refund stays claimed */
  readonly onStartFailed: (error: unknown, paymentId: string) => void;
}

interface Remembered {
  readonly refundId: string;
}

const SCOPE = `POST ${createRefund.path}`;
const ACCEPTED = 202;

export function createRefundClaims({ source, ledger, startRefund, onStartFailed }: RefundClaimsDeps) {
  const remembered = async (scope: IdempotencyScope): Promise<RefundStarted | null> => {
    const stored = await findStored(sqlOf(source), scope);
    return stored ? { kind: 'replayed', refundId: (stored.body as Remembered).refundId } : null;
  };

  /** @throws Problem idempotency_key_reused */
  return async (request: RefundRequest): Promise<RefundStarted> => {
    const { orderId, memberId, requestedBy, reason } = request;
    const scope = { memberId: requestedBy, scope: SCOPE, key: request.idempotencyKey, hash: request.bodyHash };
    const before = await remembered(scope);
    if (before) return before;

    const claim = () =>
      ledger.claimBuyerRefund({ orderId, memberId, requestedBy, reason }, (tx, { refundId }) =>
        store(tx, scope, { status: ACCEPTED, body: { refundId } satisfies Remembered }),
      );
    const outcome = await claim().catch(async (error: unknown) => {
      // Another request has committed under this key meanwhile.
      const meanwhile = errnoOf(error) === ERRNO.duplicate && (await remembered(scope));
      if (meanwhile) return meanwhile;
      throw error;
    });
    if ('refundId' in outcome) return outcome;
    if (outcome.kind === 'notFound') throw new Problem('not_found');
    if (outcome.kind === 'notRefundable') {
      // The same request may have been claimed by a call at the same moment.
      const meanwhile = await remembered(scope);
      if (meanwhile) return meanwhile;
      throw new Problem('order_not_refundable');
    }
    const { refund } = outcome;
    await startRefund(refund).catch((error: unknown) => onStartFailed(error, refund.paymentId));
    return { kind: 'started', refundId: refund.refundId };
  };
}
