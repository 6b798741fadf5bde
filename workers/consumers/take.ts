/**
 * Takes the messages of one group: each event once, what cannot be taken laid aside.
 * What fails because a store is away is tried again without end: nothing behind it may overtake. What fails by itself
 * (no event of ours, or its effect is refused every time) goes to the dead letters, so that the next one is not held up.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { parseEvent } from '../../domain/events';
import type { DomainEvent } from '../../domain/events/event';
import { type ConsumerGroup, deadLetterTopic } from '../../domain/names';
import { isUnreachable } from '../../infra/http/foreign-errors';
import type { ConsumerOptions, Received, Turn } from '../../infra/kafka/consumer';
import type { Producer } from '../../infra/kafka/producer';
import type { DeadLetters } from '../../infra/mysql/repositories/dead-letters';
import { type Effect, takeNew } from '../../infra/mysql/repositories/inbox';

export interface TakeDeps {
  readonly group: ConsumerGroup;
  readonly source: DataSource;
  readonly effect: Effect;
  readonly deadLetters: DeadLetters;
  readonly producer: Producer;
  readonly topicPrefix: string;
  readonly onTaken?: (count: { readonly fresh: number; readonly repeated: number }) => void;
  readonly onTrouble?: (error: unknown, position: string) => void;
}

/** Tries of an event whose effect is refused. */
const TRIES = 5;
const FIRST_PAUSE_MS = 50;
/** Below the time in which the group would take us for dead. */
const LONGEST_PAUSE_MS = 5_000;

interface Found {
  readonly message: Received;
  readonly event: DomainEvent;
}

/** Says which message it is, also where a topic was made anew and counts from 0 again. */
const referenceOf = ({ position, value }: Received): string =>
  `${position} ${createHash('sha256').update(value).digest('hex').slice(0, 12)}`;

export function createTake(deps: TakeDeps): ConsumerOptions['take'] {
  const { group, source, effect } = deps;

  const layAside = async (message: Received, error: unknown): Promise<void> => {
    const reason = error instanceof Error ? error.message : String(error);
    const { key, value, position } = message;
    await deps.deadLetters.keep({ source: group, reference: referenceOf(message), reason, payload: value });
    const letter = JSON.stringify({ position, reason, value });
    await deps.producer.send([{ topic: deadLetterTopic(deps.topicPrefix, group), key, value: letter }]);
  };

  const readable = async (messages: readonly Received[]): Promise<readonly Found[]> => {
    const found: Found[] = [];
    for (const message of messages) {
      try {
        found.push({ message, event: parseEvent(message.value) });
      } catch (error) {
        deps.onTrouble?.(error, message.position);
        await layAside(message, error);
      }
    }
    return found;
  };

  /** All in one transaction; when that is refused, one by one, so that only the guilty one is laid aside. */
  const takeAll = async (found: readonly Found[], turn: Turn): Promise<void> => {
    const [first] = found;
    if (!first) return;
    const events = found.map(({ event }) => event);
    for (let refusals = 0, pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const fresh = await takeNew(source, { group, events, effect });
        return deps.onTaken?.({ fresh, repeated: events.length - fresh });
      } catch (error) {
        deps.onTrouble?.(error, first.message.position);
        if (!isUnreachable(error)) {
          if (found.length > 1) return oneByOne(found, turn);
          refusals += 1;
          if (refusals >= TRIES) return layAside(first.message, error);
        }
        // Not wanted: the offset stays where it is, and whoever comes next takes them.
        if (!turn.isWanted()) throw error;
        await pause(pauseMs);
        await turn.heartbeat();
      }
    }
  };
  const oneByOne = async (found: readonly Found[], turn: Turn): Promise<void> => {
    for (const one of found) await takeAll([one], turn);
  };

  return async (messages, turn) => takeAll(await readable(messages), turn);
}
