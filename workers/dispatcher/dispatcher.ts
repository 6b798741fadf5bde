/**
 * The dispatcher: takes queued orders in turn and starts their sagas, never more in flight than the engine takes.
 * Claiming and starting are two acts: a claim is committed first, with the workflow's id as owner, so a start that may
 * have failed is simply made again, with the same id and the same members. Any number of dispatchers.
 */
import { randomBytes } from 'node:crypto';
import { Problem } from '../../domain/errors';
import { checkoutGroupId, checkoutWorkflowId } from '../../domain/names';
import type { Claim, ClaimedOrder, ClaimLedger } from '../../infra/mysql/ledger/types';
import type { Logger } from '../../infra/process/logger';
import { repeat } from './repeat';

export interface DispatcherDeps {
  readonly ledger: Pick<
    ClaimLedger,
    'claimOrders' | 'markDispatched' | 'readUndispatched' | 'countAttempt' | 'rejectClaim'
  >;
  /** starts the saga of a claim; "already started" is success */
  readonly start: (claim: Claim) => Promise<unknown>;
  /** the gate follows MariaDB for an order that was rejected; never throws */
  readonly syncHold: (orderId: string) => Promise<unknown>;
  readonly groupMax: number;
  readonly inFlightMax: number;
  readonly logger: Logger;
  /** where the Web UI shows the workflow of an owner */
  readonly sagaUrl: (owner: string) => string;
  readonly onStarted?: (orders: number) => void;
}

export interface Dispatcher {
  /** Takes no new claims, and waits for the starts under way. */
  stop(): Promise<void>;
}

/** Starts under way; each is a few milliseconds of the engine. */
const STARTS_AT_ONCE = 8;
/** What a lone buyer waits at most for a saga to begin; the poll is one index look-up. */
const IDLE_MS = 25;
/** The engine is away, or the store is: there is no hurry then. */
const TROUBLE_MS = 1_000;
/** A start without a mark for this long may have failed. */
const RESTART_AFTER_MS = 5_000;
const RESTART_EVERY_MS = 1_000;
/** Starts that the engine refused, after which the orders end REJECTED. An engine that is away is not counted. */
const ATTEMPTS_MAX = 5;

const nameOwner = (orders: readonly ClaimedOrder[]): string => {
  const [first] = orders;
  if (!first) throw new RangeError('a claim without orders');
  return orders.length === 1
    ? checkoutWorkflowId(first.orderId)
    : checkoutGroupId(first.sequence, orders.length, randomBytes(4).toString('hex'));
};

export function startDispatcher(deps: DispatcherDeps): Dispatcher {
  const { ledger, groupMax, inFlightMax, logger } = deps;
  const stopping = new AbortController();
  const underWay = new Map<string, Promise<Outcome>>();

  let awayUntil = 0;

  /** What a line of the log says of a claim; the link leads nowhere while its workflow was never started. */
  const sagaOf = ({ owner }: Claim) => ({ owner, sagaUrl: deps.sagaUrl(owner) });

  /** `away`: not known whether it started; the claim stays, and is started again. */
  type Outcome = 'started' | 'refused' | 'away';

  async function start(claim: Claim): Promise<Outcome> {
    try {
      await deps.start(claim);
    } catch (error) {
      if (error instanceof Problem) {
        awayUntil = Date.now() + TROUBLE_MS;
        return 'away';
      }
      logger.error({ error, ...sagaOf(claim) }, 'saga not started');
      await refused(claim, error).catch((trouble: unknown) => {
        logger.error({ error: trouble, ...sagaOf(claim) }, 'attempt not counted');
      });
      return 'refused';
    }
    deps.onStarted?.(claim.orders.length);
    // It runs: a mark that fails is no failed start. The claim is then started again, which finds it running.
    await ledger.markDispatched(claim.owner).catch((error: unknown) => {
      logger.warn({ error, ...sagaOf(claim) }, 'start not marked');
    });
    return 'started';
  }

  async function refused(claim: Claim, error: unknown): Promise<void> {
    if ((await ledger.countAttempt(claim.owner)) < ATTEMPTS_MAX) return;
    const rejected = await ledger.rejectClaim(claim.owner, String(error));
    logger.error({ ...sagaOf(claim), orders: rejected.length }, 'claim rejected');
    for (const orderId of rejected) await deps.syncHold(orderId);
  }

  /** One start per owner at a time. */
  function launch(claim: Claim): Promise<Outcome> {
    const known = underWay.get(claim.owner);
    if (known) return known;
    const launched = start(claim).finally(() => underWay.delete(claim.owner));
    underWay.set(claim.owner, launched);
    return launched;
  }

  async function room(): Promise<void> {
    while (underWay.size >= STARTS_AT_ONCE) await Promise.race(underWay.values());
  }

  /** @returns milliseconds until the next look */
  async function claimOnce(): Promise<number> {
    await room();
    // What is claimed while the engine is away only waits elsewhere; the restarts find out when it is back.
    const awayMs = awayUntil - Date.now();
    if (awayMs > 0) return awayMs;
    const claim = await ledger.claimOrders({ groupMax, inFlightMax, nameOwner });
    if (!claim) return IDLE_MS;
    void launch(claim);
    // More may be waiting: look again at once.
    return 0;
  }

  async function restartOnce(): Promise<number> {
    for (const claim of await ledger.readUndispatched(RESTART_AFTER_MS)) {
      await room();
      if (stopping.signal.aborted) break;
      if ((await launch(claim)) === 'away') break;
    }
    return RESTART_EVERY_MS;
  }

  const loops = [claimOnce, restartOnce].map((round) =>
    repeat(round, { signal: stopping.signal, troubleMs: TROUBLE_MS, logger }),
  );
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
      await Promise.all(underWay.values());
    },
  };
}
