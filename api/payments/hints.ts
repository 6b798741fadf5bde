/**
 * What becomes of a webhook after it was stored: the provider is asked, because anybody may send one.
 * A hint is settled when MariaDB and the provider agree, or a refund has been started for money no order wants;
 * until then it is looked at again. Settling twice does no harm, so any number of processes may do it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { isPaymentActive } from '../../domain/payment';
import type { Captured, Provider } from '../../domain/provider';
import type { RefundStart } from '../../domain/saga';
import type { RefundLedger } from '../../infra/mysql/ledger';
import type { PaymentsRepository } from '../../infra/mysql/repositories/payments';
import type { StoredHint, WebhooksRepository } from '../../infra/mysql/repositories/webhooks';

export interface HintDeps {
  readonly webhooks: WebhooksRepository;
  readonly payments: Pick<PaymentsRepository, 'keyStory'>;
  readonly provider: Pick<Provider, 'lookUp'>;
  readonly claimLateMoney: RefundLedger['claimLateMoney'];
  readonly startRefund: (refund: RefundStart) => Promise<unknown>;
  /** the sweeper looks now; never throws */
  readonly nudgeSweeper: () => void;
  readonly onProblem: (fact: {
    readonly message: string;
    readonly webhookId?: string;
    readonly error?: unknown;
  }) => void;
}

type Verdict = 'settled' | 'later';

const Hint = z.object({
  data: z.object({
    paymentKey: z.string().max(200),
    orderId: z.string().max(64).optional(),
    status: z.string().max(40).optional(),
  }),
});

const ROUND_MS = 1_000;
const PAGE = 200;
/** provider calls at once; the rest of the page waits */
const WIDTH = 8;
/** Hints older than this are laid aside: the provider has been asked for a day. */
const AGE_MAX_MS = 86_400_000;

/** Starts looking at stored hints. `stop` waits for the round under way. */
export function startHintReader(deps: HintDeps): { stop(): Promise<void> } {
  const stopped = new AbortController();

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      await readAll(deps, stopped.signal).catch((error: unknown) =>
        deps.onProblem({ message: 'webhooks could not be read', error }),
      );
      await pause(ROUND_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  }
  const running = run();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** One round over everything unsettled. */
async function readAll(deps: HintDeps, signal: AbortSignal): Promise<void> {
  let after = '';
  while (!signal.aborted) {
    const page = await deps.webhooks.unasked({ after, limit: PAGE });
    for (let start = 0; start < page.length; start += WIDTH) {
      await Promise.all(page.slice(start, start + WIDTH).map((hint) => work(deps, hint)));
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.webhookId;
  }
}

async function work(deps: HintDeps, hint: StoredHint): Promise<void> {
  const { webhookId, receivedAt } = hint;
  const verdict = await settleHint(deps, hint).catch((error: unknown) => {
    // MariaDB or the engine is away, or it is no hint anybody can work on: the next round tries again.
    deps.onProblem({ message: 'a webhook could not be settled yet', webhookId, error });
    return 'later' as const;
  });
  const isOld = Date.now() - receivedAt.getTime() > AGE_MAX_MS;
  if (verdict === 'later' && !isOld) return;
  if (verdict === 'later') deps.onProblem({ message: 'a webhook was laid aside after a day', webhookId });
  await deps.webhooks.markAsked(webhookId).catch((error: unknown) => {
    deps.onProblem({ message: 'a webhook could not be marked', webhookId, error });
  });
}

export async function settleHint(deps: HintDeps, { payload }: Pick<StoredHint, 'payload'>): Promise<Verdict> {
  const hint = Hint.safeParse(payload);
  if (!hint.success) return 'settled';
  const { paymentKey, orderId, status } = hint.data.data;
  const story = orderId ? await deps.payments.keyStory(orderId, paymentKey) : null;
  if (story?.payment.status === 'DONE' && status === 'DONE') return 'settled';
  if (story && isPaymentActive(story.payment.status)) {
    // Its saga is asking the provider already; if the saga is lost, the sweeper finds out sooner.
    if (story.payment.status === 'UNKNOWN') deps.nudgeSweeper();
    return 'later';
  }
  const answer = await deps.provider.lookUp({ paymentKey });
  if (answer.kind === 'captured') return settleCapture(deps, answer);
  return answer.kind === 'unknown' ? 'later' : 'settled';
}

/** Money is there: an order wants it, or it goes back. */
async function settleCapture(deps: HintDeps, { orderId, paymentKey, ...capture }: Captured): Promise<Verdict> {
  const outcome = await deps.claimLateMoney({ orderId, paymentKey, capture });
  if (outcome.kind === 'undecided') return 'later';
  if (outcome.kind === 'notFound') deps.onProblem({ message: `captured for an order that is not ours: ${orderId}` });
  if (outcome.kind === 'claimed' && outcome.refund.status === 'REFUNDING') {
    await deps.startRefund(outcome.refund);
  }
  return 'settled';
}
