/**
 * Publishes the outbox. One relay at a time (a lease with an epoch), rows in the order of their ids, marked after the
 * broker's acknowledgement: at least once, and in order per order at first delivery. A relay that loses its lease while it
 * sends has sent what the next one sends again; consumers know repeats by their inbox.
 * When nothing waits, whoever has the lease removes what is old: published events, and leftovers of other tables.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { topicName } from '../../domain/names';
import type { Producer } from '../../infra/kafka/producer';
import type { Lease } from '../../infra/mysql/lease';
import type { Leftovers } from '../../infra/mysql/repositories/leftovers';
import type { OutboxRepository, OutboxRow } from '../../infra/mysql/repositories/outbox';

export const RELAY_LEASE = 'relay';
/** Messages per send: about a hundred are seven to eleven times cheaper each than one alone. */
const BATCH = 200;
/** Published rows are kept this long, to look at and to publish again. */
const KEEP_DAYS = 7;
const TRIM_EVERY_MS = 60_000;
/** After a round that took all it may: what strangers send (webhooks) outruns a round a minute. */
const TRIM_AGAIN_MS = 5_000;
/** Rows of a table removed at once: a second's worth of locks at most. */
export const TRIM_MAX = 5_000;
/** between tries while another relay holds the lease, or the broker or MariaDB is away */
const AWAY_MS = 1_000;

export interface RelayDeps {
  readonly outbox: OutboxRepository;
  readonly leftovers: Leftovers;
  readonly producer: Producer;
  readonly lease: Lease;
  readonly topicPrefix: string;
  /** how often an empty outbox is looked at */
  readonly pollMs: number;
  readonly onPublished: (count: number) => void;
  readonly onError: (error: unknown) => void;
}

export function startRelay(deps: RelayDeps): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const rest = (ms: number): Promise<void> => pause(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  let trimAt = Date.now() + TRIM_EVERY_MS;

  /** What is old goes when there is nothing else to do. */
  const idle = async (): Promise<void> => {
    if (Date.now() < trimAt) return rest(deps.pollMs);
    trimAt = Date.now() + TRIM_EVERY_MS;
    const events = await deps.outbox.trim({ keepDays: KEEP_DAYS, limit: TRIM_MAX });
    const most = Math.max(events, await deps.leftovers.trim({ limit: TRIM_MAX }));
    if (most >= TRIM_MAX) trimAt = Date.now() + TRIM_AGAIN_MS;
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const published = await publishOnce(deps);
        if (published === null) await rest(AWAY_MS);
        else if (published < BATCH) await idle();
      } catch (error) {
        deps.onError(error);
        await rest(AWAY_MS);
      }
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      await deps.lease.release().catch(deps.onError);
    },
  };
}

/** @returns how many were published; null while another relay is at it */
export async function publishOnce(
  deps: Pick<RelayDeps, 'outbox' | 'producer' | 'lease' | 'topicPrefix' | 'onPublished'>,
): Promise<number | null> {
  const epoch = await deps.lease.hold();
  if (epoch === null) return null;
  const rows = await deps.outbox.unpublished(BATCH);
  if (rows.length === 0) return 0;
  await deps.producer.send(rows.map((row) => messageOf(row, deps.topicPrefix)));
  const ids = rows.map((row) => row.id);
  const marked = await deps.outbox.markPublished(ids, { name: RELAY_LEASE, epoch });
  deps.onPublished(marked);
  return rows.length;
}

const messageOf = ({ topic, orderId, payload }: OutboxRow, prefix: string) => ({
  topic: topicName(prefix, topic),
  key: orderId,
  value: payload,
});
