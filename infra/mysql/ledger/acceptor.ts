/** Acceptance, gathered: what came while the last commit was under way is accepted in one transaction. */
import { createGatherer } from '../gather';
import type { Acceptance, AcceptanceLedger, Reservation } from './types';

export interface AcceptorDeps {
  readonly acceptOrders: AcceptanceLedger['acceptOrders'];
  /** orders one transaction may carry */
  readonly batchMax: number;
}

export interface Acceptor {
  /** @throws what the store threw; the same reservation may then come again */
  accept(reservation: Reservation): Promise<Acceptance>;
  /** reservations not yet answered */
  waiting(): number;
}

export function createAcceptor({ acceptOrders, batchMax }: AcceptorDeps): Acceptor {
  const run = async (batch: readonly Reservation[]) =>
    (await acceptOrders(batch)).map((answer) =>
      answer.kind === 'unanswered' ? Promise.reject<Acceptance>(answer.error) : answer,
    );
  const { ask, waiting } = createGatherer<Reservation, Acceptance>({ run, batchMax });
  return { accept: ask, waiting };
}
