/**
 * Gathers reservations into batches: one batch at a time per process, made of what came while the last commit was under
 * way. So a lone order waits for nothing, and a burst shares its commits.
 */
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

interface Waiting {
  readonly reservation: Reservation;
  readonly resolve: (answer: Acceptance) => void;
  readonly reject: (error: unknown) => void;
}

export function createAcceptor({ acceptOrders, batchMax }: AcceptorDeps): Acceptor {
  const gathered: Waiting[] = [];
  let underWay = 0;

  async function answer(batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = await acceptOrders(batch.map((each) => each.reservation));
      batch.forEach((each, index) => {
        const found = answers[index];
        if (found) each.resolve(found);
        else each.reject(new Error('ledger: an answer of the batch is missing'));
      });
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  }

  async function drain(): Promise<void> {
    while (gathered.length > 0) {
      const batch = gathered.splice(0, batchMax);
      underWay = batch.length;
      await answer(batch);
      underWay = 0;
    }
  }

  return {
    accept: (reservation) =>
      new Promise((resolve, reject) => {
        gathered.push({ reservation, resolve, reject });
        // `drain` never rejects: each waiting caller gets the error.
        if (underWay === 0 && gathered.length === 1) void drain();
      }),
    waiting: () => gathered.length + underWay,
  };
}
