/**
 * One message of one group: parsed, taken once, or laid aside.
 * What fails because a store is away is tried again without end: nothing behind it may overtake. What fails by itself
 * (not an event, or its effect is refused every time) goes to the dead letters, so that the next one is not held up.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { DomainEvent } from '../../domain/events/event';
import { parseEvent } from '../../domain/events/parse-event';
import { type ConsumerGroup, deadLetterTopic } from '../../domain/names';
import type { Received } from '../../infra/kafka/consumer';
import type { Producer } from '../../infra/kafka/producer';
import { type DeadLetters, takeOnce } from '../../infra/mysql/repositories/inbox';
import { errnoOf, type Sql } from '../../infra/mysql/transaction';

export interface GroupDeps {
  readonly group: ConsumerGroup;
  readonly source: DataSource;
  readonly effect: (tx: Sql, event: DomainEvent) => Promise<void>;
  readonly deadLetters: DeadLetters;
  readonly producer: Producer;
  readonly topicPrefix: string;
  readonly onTaken: (isNew: boolean) => void;
  readonly onTrouble: (error: unknown, position: string) => void;
  readonly signal: AbortSignal;
}

/** Tries of an effect that the store refuses. */
const TRIES = 5;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** An SQL error that a repeat does not change: the statement or its values are refused. Without errno: the store is away. */
const isRefused = (error: unknown): boolean => {
  const errno = errnoOf(error);
  return errno !== undefined && errno > 1_000 && errno < 5_000 && !AWAY.has(errno);
};
/** Shutting down, too many connections, read-only, lock trouble: all pass by themselves. */
const AWAY = new Set([1_040, 1_053, 1_205, 1_213, 1_020, 1_290, 1_792, 1_927, 2_006, 2_013]);

export function createTake(deps: GroupDeps): (message: Received) => Promise<void> {
  const { group, source } = deps;

  const layAside = async (message: Received, error: unknown): Promise<void> => {
    const reason = error instanceof Error ? error.message : String(error);
    const { key, value, position } = message;
    await deps.deadLetters.keep({ source: group, reference: position, reason, payload: value });
    const letter = JSON.stringify({ position, reason, value });
    await deps.producer.send([{ topic: deadLetterTopic(deps.topicPrefix, group), key, value: letter }]);
  };

  const tryEffect = async (event: DomainEvent, message: Received): Promise<void> => {
    let pauseMs = FIRST_PAUSE_MS;
    for (let refusals = 0; ; ) {
      try {
        const { eventId } = event;
        deps.onTaken(await takeOnce(source, { consumer: group, eventId }, (tx) => deps.effect(tx, event)));
        return;
      } catch (error) {
        deps.onTrouble(error, message.position);
        refusals += isRefused(error) ? 1 : 0;
        if (refusals >= TRIES) return layAside(message, error);
        // Stopping: the offset stays, and whoever comes next takes it.
        if (deps.signal.aborted) throw error;
        await pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  };

  return async (message) => {
    let event: DomainEvent;
    try {
      event = parseEvent(message.value);
    } catch (error) {
      deps.onTrouble(error, message.position);
      return layAside(message, error);
    }
    return tryEffect(event, message);
  };
}
