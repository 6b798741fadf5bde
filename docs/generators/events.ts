/** Tables of the events, made from their definitions. */
import { events } from '../../domain/events';
import { topicOf } from '../../domain/events/event';

const code = (text: string): string => `\`${text}\``;

/** Who writes an event, and who takes it. */
export function eventsTable(): string {
  const rows = Object.values(events).map(({ type, emittedBy, consumedBy }) => {
    const emitters = emittedBy.split(/,\s*/).map(code).join(', ');
    return `| ${code(type)} | ${code(topicOf(type))} | ${emitters} | ${consumedBy.map(code).join(', ') || '–'} |`;
  });
  return ['| event | topic | emitted by | consumed by |', '|---|---|---|---|', ...rows].join('\n');
}

/** One event as it is on the wire. */
export const eventExample = (): string =>
  `\`\`\`json\n${JSON.stringify(events['order.confirmed'].example, null, 2)}\n\`\`\``;
