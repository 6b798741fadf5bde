/** The outbox reaches Kafka: everything, in order per order, by one relay at a time. */
import { Kafka, type Consumer as KafkaConsumer, logLevel } from 'kafkajs';
import type { DomainEvent } from '../../domain/events/event';
import { createId } from '../../domain/ids';
import { topicName } from '../../domain/names';
import { createLease } from '../../infra/mysql/lease';
import { createLeftovers } from '../../infra/mysql/repositories/leftovers';
import { createOutboxRepository } from '../../infra/mysql/repositories/outbox';
import { publishOnce, RELAY_LEASE, type RelayDeps, startRelay, TRIM_MAX } from '../../workers/relay/relay';
import { until } from '../support/until';
import { countOf, createEventsFixture, type EventsFixture, eventOf, putIntoOutbox } from './support/events';

let fixture: EventsFixture;
let reader: KafkaConsumer;
/** everything on the topics, as it came */
const heard: DomainEvent[] = [];

beforeAll(async () => {
  fixture = await createEventsFixture();
  const { settings, topicPrefix } = fixture;
  const kafka = new Kafka({ brokers: [...settings.KAFKA_BROKERS], logLevel: logLevel.NOTHING });
  reader = kafka.consumer({ groupId: `${topicPrefix}reader` });
  await reader.connect();
  await reader.subscribe({
    topics: [topicName(topicPrefix, 'orders'), topicName(topicPrefix, 'payments')],
    fromBeginning: true,
  });
  await reader.run({
    eachMessage: async ({ message }) => void heard.push(JSON.parse(message.value?.toString() ?? '') as DomainEvent),
  });
});
afterAll(async () => {
  await reader.disconnect();
  await fixture.destroy();
});
beforeEach(async () => {
  heard.length = 0;
  await fixture.sql.change('DELETE FROM outbox');
  await fixture.sql.change('DELETE FROM inbox');
  await fixture.sql.change('DELETE FROM leases');
});

const relayParts = (holder: string, given: Partial<RelayDeps> = {}): RelayDeps => ({
  outbox: createOutboxRepository(fixture.source),
  leftovers: createLeftovers(fixture.source),
  producer: fixture.producer,
  lease: createLease(fixture.source, RELAY_LEASE, holder, 10_000),
  topicPrefix: fixture.topicPrefix,
  pollMs: 20,
  onPublished: () => undefined,
  onError: () => undefined,
  ...given,
});
const unpublished = () => countOf(fixture.sql, 'outbox', 'published_at IS NULL');
const drained = () => until(async () => (await unpublished()) === 0, { within: 20_000, what: 'the outbox drains' });
const heardOf = (events: readonly DomainEvent[]) => {
  const ids = new Set(events.map(({ eventId }) => eventId));
  return heard.filter(({ eventId }) => ids.has(eventId));
};

test('When 60 orders leave 5 events each, then all are published, and each order hears its own in order', async () => {
  const orders = Array.from({ length: 60 }, () => createId('ord'));
  const events = Array.from({ length: 5 }, (_, step) =>
    orders.map((orderId) => eventOf('order.created', { orderId, orderVersion: step + 1 })),
  ).flat();
  await putIntoOutbox(fixture.sql, events);
  const relay = startRelay(relayParts('one'));
  await drained();
  await until(() => heardOf(events).length === 300, { within: 20_000, what: 'every message is read' });
  await relay.stop();
  for (const orderId of orders) {
    const versions = heard.filter((event) => event.orderId === orderId).map((event) => event.orderVersion);
    expect(versions).toEqual([1, 2, 3, 4, 5]);
  }
});

test('When two relays run, then one works and each event is published once; when it stops, the other goes on', async () => {
  const [first, second] = [startRelay(relayParts('one')), startRelay(relayParts('two'))];
  const events = Array.from({ length: 250 }, () => eventOf('payment.approved'));
  await putIntoOutbox(fixture.sql, events);
  await drained();
  const [lease] = await fixture.sql.rows<{ holder: string; epoch: number }>('SELECT holder, epoch FROM leases');
  await (lease?.holder === 'one' ? first : second).stop();
  const later = [eventOf('payment.declined')];
  await putIntoOutbox(fixture.sql, later);
  await drained();
  await until(() => heardOf([...events, ...later]).length >= 251, { within: 20_000, what: 'every message is read' });
  await Promise.all([first.stop(), second.stop()]);
  expect(heardOf([...events, ...later])).toHaveLength(251);
  const [after] = await fixture.sql.rows<{ epoch: number }>('SELECT epoch FROM leases');
  expect(after?.epoch).toBe((lease?.epoch ?? 0) + 1);
});

test('When a relay sleeps past its lease while it sends, then it marks nothing: its successor sends again', async () => {
  const event = eventOf('order.expired');
  await putIntoOutbox(fixture.sql, [event]);
  const successor = relayParts('successor');
  const sleeper = relayParts('sleeper', {
    producer: {
      ...fixture.producer,
      send: async (messages) => {
        await fixture.producer.send(messages);
        // Another has the lease before the acknowledgement is written down.
        await fixture.sql.change('UPDATE leases SET until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND');
        expect(await successor.lease.hold()).toBe(2);
      },
    },
  });
  await publishOnce(sleeper);
  expect(await unpublished()).toBe(1);
  expect(await publishOnce(sleeper)).toBeNull();
  expect(await publishOnce(successor)).toBe(1);
  expect(await unpublished()).toBe(0);
  await until(() => heardOf([event]).length === 2, { within: 20_000, what: 'the repeat is read' });
});

test('When the broker does not take a batch, then its rows stay, and go out once it does', async () => {
  let refusals = 0;
  const errors: unknown[] = [];
  const producer = {
    ...fixture.producer,
    send: (messages: Parameters<typeof fixture.producer.send>[0]) => {
      refusals += 1;
      return refusals === 1 ? Promise.reject(new Error('no broker')) : fixture.producer.send(messages);
    },
  };
  const event = eventOf('order.confirmed');
  await putIntoOutbox(fixture.sql, [event]);
  const relay = startRelay(relayParts('one', { producer, onError: (error) => errors.push(error) }));
  await drained();
  await relay.stop();
  expect(errors).toHaveLength(1);
  await until(() => heardOf([event]).length === 1, { within: 20_000, what: 'the message is read' });
});

test('When published rows lack an inbox row of a group, then just these are published again', async () => {
  const outbox = createOutboxRepository(fixture.source);
  const [taken, lost, young] = [eventOf('order.created'), eventOf('order.created'), eventOf('order.created')];
  await putIntoOutbox(fixture.sql, [taken, lost, young]);
  await fixture.sql.change('UPDATE outbox SET published_at = UTC_TIMESTAMP(3) - INTERVAL 2 MINUTE');
  await fixture.sql.change('UPDATE outbox SET published_at = UTC_TIMESTAMP(3) WHERE event_id = ?', [young.eventId]);
  await fixture.sql.change("INSERT INTO inbox (consumer, event_id, at) VALUES ('sales', ?, UTC_TIMESTAMP(3))", [
    taken.eventId,
  ]);
  expect(await outbox.republishMissing('sales', ['orders'])).toBe(1);
  const rows = await fixture.sql.rows<{ eventId: string }>(
    'SELECT event_id AS eventId FROM outbox WHERE published_at IS NULL',
  );
  expect(rows.map(({ eventId }) => eventId)).toEqual([lost.eventId]);
});

test('When rows are old, then those published and taken go; what waits or was missed by a group stays however old it is', async () => {
  const outbox = createOutboxRepository(fixture.source);
  const created = () => eventOf('order.created');
  const [old, waiting, fresh, missed] = [created(), created(), created(), created()];
  await putIntoOutbox(fixture.sql, [old, waiting, fresh, missed]);
  await fixture.sql.change('UPDATE outbox SET created_at = UTC_TIMESTAMP(3) - INTERVAL 30 DAY');
  await fixture.sql.change(
    'UPDATE outbox SET published_at = UTC_TIMESTAMP(3) - INTERVAL IF(event_id = ?, 6, 8) DAY WHERE event_id <> ?',
    [fresh.eventId, waiting.eventId],
  );
  const eightDaysAgo = 'UTC_TIMESTAMP(3) - INTERVAL 8 DAY';
  await fixture.sql.change(
    `INSERT INTO inbox (consumer, event_id, at) VALUES
       ('sales', ?, ${eightDaysAgo}), ('notifications', ?, ${eightDaysAgo}), ('sales', ?, ${eightDaysAgo})`,
    [old.eventId, old.eventId, missed.eventId],
  );
  expect(await outbox.trim({ keepDays: 7, limit: 100 })).toBe(1);
  const rows = await fixture.sql.rows<{ eventId: string }>('SELECT event_id AS eventId FROM outbox ORDER BY id');
  expect(rows.map(({ eventId }) => eventId)).toEqual([waiting.eventId, fresh.eventId, missed.eventId]);
  expect(await countOf(fixture.sql, 'inbox')).toBe(3);
});

describe('trimming', () => {
  const running: ReturnType<typeof startRelay>[] = [];
  afterEach(async () => {
    jest.restoreAllMocks();
    await Promise.all(running.splice(0).map((relay) => relay.stop()));
  });

  /** Moves the clock of this process on, on top of its course. */
  const createClock = () => {
    const now = Date.now.bind(Date);
    let ahead = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => now() + ahead);
    return {
      pass: (ms: number): void => {
        ahead += ms;
      },
    };
  };
  /** Answers as told, counts how often it was asked, and how often the relay has looked for something to publish. */
  const watched = (holder: string, most: () => number) => {
    const counts = { trims: 0, looks: 0 };
    const { outbox, lease } = relayParts(holder);
    const parts = relayParts(holder, {
      leftovers: {
        trim: async () => {
          counts.trims += 1;
          return most();
        },
      },
      outbox: { ...outbox, trim: async () => 0 },
      lease: {
        ...lease,
        hold: async () => {
          counts.looks += 1;
          return lease.hold();
        },
      },
    });
    return { counts, parts };
  };
  const looksOn = (counts: { looks: number }) => {
    const wanted = counts.looks + 3;
    return until(() => counts.looks >= wanted, { within: 10_000, what: 'the relay goes on' });
  };

  test('When the relay is idle, then old rows of other tables go once a minute, and again soon while a round is full', async () => {
    const clock = createClock();
    let most = TRIM_MAX;
    const { counts, parts } = watched('one', () => most);
    running.push(startRelay(parts));
    await looksOn(counts);
    expect(counts.trims).toBe(0);
    clock.pass(60_000);
    await until(() => counts.trims === 1, { within: 5_000, what: 'the first trim' });
    await looksOn(counts);
    expect(counts.trims).toBe(1);
    most = TRIM_MAX - 1;
    clock.pass(5_000);
    await until(() => counts.trims === 2, { within: 5_000, what: 'the trim after a full one' });
    clock.pass(50_000);
    await looksOn(counts);
    expect(counts.trims).toBe(2);
    clock.pass(10_000);
    await until(() => counts.trims === 3, { within: 5_000, what: 'the trim a minute later' });
  });

  test('When another relay has the lease, then only that one trims', async () => {
    const clock = createClock();
    const [holder, standby] = [watched('one', () => 0), watched('two', () => 0)];
    expect(await holder.parts.lease.hold()).toBe(1);
    running.push(startRelay(holder.parts), startRelay(standby.parts));
    clock.pass(60_000);
    await until(() => holder.counts.trims === 1, { within: 5_000, what: 'the holder trims' });
    await looksOn(standby.counts);
    expect(standby.counts.trims).toBe(0);
  });
});
