/** Facts take effect exactly once per group, whatever is repeated, killed or unreadable in between. */
import type { DomainEvent } from '../../domain/events/event';
import { createId } from '../../domain/ids';
import { deadLetterTopic, topicName } from '../../domain/names';
import type { Received, Turn } from '../../infra/kafka/consumer';
import { createOutboxRepository } from '../../infra/mysql/repositories/outbox';
import { createProductsRepository } from '../../infra/mysql/repositories/products';
import { EFFECTS } from '../../workers/consumers/groups';
import { replayDeadLetters } from '../../workers/consumers/replaying';
import { until } from '../support/until';
import {
  countOf,
  createEventsFixture,
  type EventsFixture,
  eventOf,
  messageOf,
  PRICE,
  putIntoOutbox,
} from './support/events';

let fixture: EventsFixture;
beforeAll(async () => {
  fixture = await createEventsFixture();
});
afterAll(() => fixture.destroy());

let offset = 0;
const received = (event: DomainEvent, value = JSON.stringify(event)): Received => {
  offset += 1;
  return { topic: 'any', key: event.orderId, value, position: `any/0/${offset}` };
};
const turn: Turn = { heartbeat: () => Promise.resolve(), isWanted: () => true };

const notesOf = (orderId: string) =>
  fixture.sql.rows<{ kind: string; text: string; memberId: string }>(
    'SELECT kind, text, member_id AS memberId FROM notifications WHERE order_id = ? ORDER BY id',
    [orderId],
  );
const salesOf = async (productId: string) => {
  const minutes = await createProductsRepository(fixture.source).sales({ productId, limit: 10 });
  return minutes.map(({ minute, units, revenue }) => [minute.toISOString(), units, revenue]);
};
const productOf = (event: DomainEvent): string => event.items?.[0]?.productId ?? '';
const lettersOf = (source: string) =>
  fixture.sql.rows<{ reference: string; reason: string; replayedAt: Date | null }>(
    'SELECT reference, reason, replayed_at AS replayedAt FROM dead_letters WHERE source = ? ORDER BY id',
    [source],
  );

describe('over Kafka', () => {
  test('When each fact comes three times and a consumer dies before it commits its offset, then each counts once', async () => {
    const confirmed = Array.from({ length: 40 }, () => eventOf('order.confirmed', { orderVersion: 4 }));
    let deaths = 0;
    const seen = { sales: 0, notifications: 0 };
    // The effect is committed, the offset is not: what a kill at the worst moment leaves.
    await fixture.consume('sales', (take) => async (messages, batch) => {
      await take(messages, batch);
      deaths += 1;
      if (deaths === 1) throw new Error('died after the effect');
      seen.sales += messages.length;
    });
    await fixture.consume('notifications', (take) => async (messages, batch) => {
      await take(messages, batch);
      seen.notifications += messages.length;
    });
    for (let round = 0; round < 3; round += 1) {
      await fixture.producer.send(confirmed.map((event) => messageOf(event, fixture.topicPrefix)));
    }
    await fixture.producer.send([messageOf(eventOf('payment.approved'), fixture.topicPrefix)]);
    await until(() => seen.sales === 120 && seen.notifications === 121, {
      within: 40_000,
      what: 'both groups have gone through all repeats',
    });
    expect(deaths).toBeGreaterThan(0);
    expect(await countOf(fixture.sql, 'inbox', "consumer = 'sales'")).toBe(40);
    expect(await countOf(fixture.sql, 'inbox', "consumer = 'notifications'")).toBe(41);
    expect(await countOf(fixture.sql, 'notifications')).toBe(41);
    const [sum] = await fixture.sql.rows<{ units: number | string; revenue: number | string }>(
      'SELECT SUM(units) AS units, SUM(revenue) AS revenue FROM sales_minutes',
    );
    expect([Number(sum?.units), Number(sum?.revenue)]).toEqual([40, 40 * PRICE]);
  });

  test('When a message is no event, then it is laid aside in row and topic, and what follows it is taken', async () => {
    const heard: string[] = [];
    const take = fixture.takeOf('sales', {
      producer: {
        ...fixture.producer,
        send: async (messages) => {
          heard.push(...messages.map(({ topic }) => topic));
          await fixture.producer.send(messages);
        },
      },
    });
    const good = eventOf('order.confirmed');
    await take([received(good, '{"type":"order.teleported"}'), received(good, 'not JSON'), received(good)], turn);
    expect(await salesOf(productOf(good))).toHaveLength(1);
    expect(heard).toEqual([1, 2].map(() => deadLetterTopic(fixture.topicPrefix, 'sales')));
    const letters = await lettersOf('sales');
    expect(letters.map(({ reason }) => reason)).toEqual(['unknown type of event: "order.teleported"', 'not JSON']);
  });
});

describe('sales', () => {
  test('When a refund is heard before its confirmation, then both count, each in its own minute', async () => {
    const items = [{ productId: createId('prd'), name: 'Shoe', quantity: 3, unitPrice: PRICE }];
    const confirmed = eventOf('order.confirmed', { items, occurredAt: '2026-11-25T03:10:59.999Z', orderVersion: 4 });
    const { orderId } = confirmed;
    const refunded = eventOf('order.refunded', {
      items,
      orderId,
      occurredAt: '2026-11-25T03:11:00.000Z',
      orderVersion: 6,
    });
    const take = fixture.takeOf('sales');
    await take([received(refunded)], turn);
    await take([received(confirmed), received(refunded), received(confirmed)], turn);
    expect(await salesOf(items[0]?.productId ?? '')).toEqual([
      ['2026-11-25T03:11:00.000Z', -3, -3 * PRICE],
      ['2026-11-25T03:10:00.000Z', 3, 3 * PRICE],
    ]);
  });

  test('When two processes take the same facts at the same moment, then each counts once', async () => {
    const events = Array.from({ length: 30 }, () => eventOf('order.confirmed'));
    const take = fixture.takeOf('sales');
    const messages = events.map((event) => received(event));
    await Promise.all([take(messages, turn), take(messages, turn), take([...messages].reverse(), turn)]);
    for (const event of events) {
      const [minute] = await salesOf(productOf(event));
      expect(minute?.slice(1)).toEqual([1, PRICE]);
    }
  });
});

test('When one group has missed a fact for a month, then it is published again, the other does not count it twice, and then it is forgotten', async () => {
  const outbox = createOutboxRepository(fixture.source);
  const event = eventOf('order.confirmed');
  const age = async () => {
    await fixture.sql.change('UPDATE outbox SET published_at = UTC_TIMESTAMP(3) - INTERVAL 30 DAY');
    await fixture.sql.change('UPDATE inbox SET at = UTC_TIMESTAMP(3) - INTERVAL 30 DAY WHERE event_id = ?', [
      event.eventId,
    ]);
  };
  const rowsOf = async () => [
    await countOf(fixture.sql, 'outbox', 'event_id = ?', [event.eventId]),
    await countOf(fixture.sql, 'inbox', 'event_id = ?', [event.eventId]),
  ];
  await putIntoOutbox(fixture.sql, [event]);
  await fixture.takeOf('sales')([received(event)], turn);
  await age();
  expect(await outbox.trim({ keepDays: 7, limit: 100 })).toBe(0);
  expect(await rowsOf()).toEqual([1, 1]);

  expect(await outbox.republishMissing('notifications', ['orders', 'payments'])).toBe(1);
  await fixture.takeOf('sales')([received(event)], turn);
  await fixture.takeOf('notifications')([received(event)], turn);
  expect((await salesOf(productOf(event))).map((minute) => minute.slice(1))).toEqual([[1, PRICE]]);
  expect((await notesOf(event.orderId)).map(({ kind }) => kind)).toEqual(['order.confirmed']);

  await age();
  expect(await outbox.trim({ keepDays: 7, limit: 100 })).toBe(1);
  expect(await rowsOf()).toEqual([0, 0]);
});

describe('notifications', () => {
  test('When an order goes its way, then its member reads one message per fact, in order', async () => {
    const { orderId, memberId } = eventOf('order.created');
    const story = (['order.created', 'payment.approved', 'order.confirmed', 'order.refunded'] as const).map(
      (type, index) => eventOf(type, { orderId, memberId, orderVersion: index + 2 }),
    );
    await fixture.takeOf('notifications')(
      [...story, ...story].map((event) => received(event)),
      turn,
    );
    const notes = await notesOf(orderId);
    expect(notes.map(({ kind }) => kind)).toEqual(story.map(({ type }) => type));
    expect(notes.every((note) => note.memberId === memberId)).toBe(true);
    expect(notes[2]?.text).toBe('Your order over 12,000 KRW is confirmed.');
  });

  test('When "please pay" comes after the order has ended, then nobody is asked to pay, and it counts as taken', async () => {
    const ended = eventOf('order.expired', { orderVersion: 3 });
    const late = eventOf('order.created', { orderId: ended.orderId, orderVersion: 2 });
    const take = fixture.takeOf('notifications');
    await take([received(ended)], turn);
    await take([received(late)], turn);
    expect((await notesOf(ended.orderId)).map(({ kind }) => kind)).toEqual(['order.expired']);
    expect(await countOf(fixture.sql, 'inbox', 'event_id = ?', [late.eventId])).toBe(1);
  });
});

describe('dead letters', () => {
  test('When an effect is refused every time, then only its fact is laid aside, once, and a replay takes it', async () => {
    const [before, poison, after] = [
      eventOf('order.confirmed'),
      eventOf('order.confirmed'),
      eventOf('order.confirmed'),
    ];
    let isMended = false;
    const effect: (typeof EFFECTS)['sales'] = async (tx, events) => {
      await EFFECTS.sales(tx, events);
      if (!isMended && events.some(({ eventId }) => eventId === poison.eventId)) throw new Error('refused');
    };
    const take = fixture.takeOf('sales', { effect });
    const messages = [before, poison, after].map((event) => received(event));
    await take(messages, turn);
    // As after a crash before the offset was committed.
    await take(messages, turn);
    const open = (await lettersOf('sales')).filter(({ reason }) => reason === 'refused');
    expect(open).toHaveLength(1);
    expect(await salesOf(productOf(before))).toHaveLength(1);
    expect(await salesOf(productOf(after))).toHaveLength(1);
    expect(await salesOf(productOf(poison))).toEqual([]);

    const still = await replayDeadLetters(fixture.source, 'sales', effect);
    expect(still.refused.map(({ reason }) => reason)).toContain('refused');
    isMended = true;
    expect((await replayDeadLetters(fixture.source, 'sales', effect)).replayed).toBe(1);
    expect((await replayDeadLetters(fixture.source, 'sales', effect)).replayed).toBe(0);
    expect((await salesOf(productOf(poison))).map((minute) => minute[1])).toEqual([1]);
  });

  test('When MariaDB is away, then nothing is laid aside and nothing overtakes: it waits until MariaDB is back', async () => {
    let failures = 0;
    const effect: (typeof EFFECTS)['sales'] = async (tx, events) => {
      failures += 1;
      if (failures <= 6) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      await EFFECTS.sales(tx, events);
    };
    let beats = 0;
    const countBeat = async () => {
      beats += 1;
    };
    const waiting: Turn = { ...turn, heartbeat: countBeat };
    const letters = (await lettersOf('sales')).length;
    const event = eventOf('order.confirmed');
    await fixture.takeOf('sales', { effect })([received(event)], waiting);
    expect(beats).toBe(6);
    expect(await salesOf(productOf(event))).toHaveLength(1);
    expect(await lettersOf('sales')).toHaveLength(letters);
  });

  test('When the process stops while MariaDB is away, then the batch is given up untaken', async () => {
    const effect = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
    const event = eventOf('order.confirmed');
    const take = fixture.takeOf('sales', { effect });
    await expect(take([received(event)], { ...turn, isWanted: () => false })).rejects.toThrow('gone');
    expect(await countOf(fixture.sql, 'inbox', 'event_id = ?', [event.eventId])).toBe(0);
  });
});

test('When a topic is misspelt, then sending to it fails', async () => {
  const message = {
    topic: topicName(fixture.topicPrefix, 'orders').replace('orders', 'ordres'),
    key: 'k',
    value: '{}',
  };
  await expect(fixture.producer.send([message])).rejects.toThrow();
  // The client goes on after a failure.
  await fixture.producer.send([messageOf(eventOf('payment.expired'), fixture.topicPrefix)]);
});
