import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { events, parseEvent, topicsOf, UnreadableEvent } from '../../domain/events';
import { topicOf } from '../../domain/events/event';

const LEDGER = join(__dirname, '..', '..', 'infra', 'mysql', 'ledger');
const ledgerSource = readdirSync(LEDGER)
  .map((file) => readFileSync(join(LEDGER, file), 'utf8'))
  .join('\n');
const all = Object.entries(events);

test.each(all)(
  'When %s comes as its example, then it is read whole, and fields of a later release do no harm',
  (_, event) => {
    const example = event.example as Record<string, unknown>;
    expect(parseEvent(JSON.stringify({ ...example, addedLater: true }))).toEqual(example);
  },
);

test.each(all)(
  'When %s lacks a field or has it wrong, then it is no event, and the reason names the field',
  (type, event) => {
    const example = event.example as Record<string, unknown>;
    const part = type.startsWith('order.') ? 'items' : 'paymentId';
    for (const field of ['eventId', 'orderId', 'orderVersion', 'amount', part]) {
      const read = () => parseEvent(JSON.stringify({ ...example, [field]: undefined }));
      expect(read).toThrow(UnreadableEvent);
      expect(read).toThrow(`${type}: ${field}`);
    }
  },
);

test('When a message is no JSON, no object or of an unknown type, then it is no event', () => {
  for (const text of ['', 'null', '[]', '{}', '{"type":"constructor"}', '{"type":"order.teleported"}']) {
    expect(() => parseEvent(text)).toThrow(UnreadableEvent);
  }
});

test('When an event names who emits it, then the ledger has that function, and the type is written there', () => {
  for (const [type, { emittedBy }] of all) {
    for (const name of emittedBy.split(', ')) expect(ledgerSource).toContain(`function ${name}(`);
    expect(ledgerSource).toContain(`'${type}'`);
  }
});

test('When a group takes an event, then it reads the topic of it', () => {
  for (const [, { type, consumedBy }] of all) {
    for (const group of consumedBy) expect(topicsOf(group)).toContain(topicOf(type));
  }
  expect(topicsOf('sales')).toEqual(['orders']);
});
