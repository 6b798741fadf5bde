/**
 * Which parts of which documents are made, and from what. A made part stands between
 * `<!-- made: name -->` and `<!-- /made -->`; the rest of a document is written by hand.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  definiteRefusals,
  finalRefundRefusals,
  operationsTable,
  orderMoves,
  paymentMoves,
  problemMembersTable,
  problemsTable,
} from './contract';
import { constraintsTable, erdDiagram } from './erd';
import { eventExample, eventsTable } from './events';
import { envExample, settingsTable } from './settings';
import { confirmTruth, lookUpTruth, refundTruth } from './truth';

export const ROOT = join(__dirname, '..', '..');

const PARTS: Readonly<Record<string, () => string>> = {
  settings: settingsTable,
  operations: operationsTable,
  problems: problemsTable,
  'problem-members': problemMembersTable,
  constraints: constraintsTable,
  erd: erdDiagram,
  events: eventsTable,
  'event-example': eventExample,
  'order-moves': orderMoves,
  'payment-moves': paymentMoves,
  'confirm-truth': confirmTruth,
  'look-up-truth': lookUpTruth,
  'refund-truth': refundTruth,
  'definite-refusals': definiteRefusals,
  'final-refund-refusals': finalRefundRefusals,
};

/** Documents with made parts, and the names of the parts each must hold. */
export const DOCUMENTS: Readonly<Record<string, readonly string[]>> = {
  'README.md': ['operations', 'settings'],
  'docs/erd.md': ['erd', 'constraints'],
  'docs/errors.md': ['problems', 'problem-members'],
  'docs/events.md': ['events', 'event-example'],
  'docs/payments.md': [
    'confirm-truth',
    'definite-refusals',
    'look-up-truth',
    'refund-truth',
    'final-refund-refusals',
    'order-moves',
    'payment-moves',
  ],
};

const MADE = /(<!-- made: ([\w-]+) -->\n)[\s\S]*?(\n<!-- \/made -->)/g;

/** Names of the made parts of a text, in order. */
export const partsOf = (text: string): string[] => [...text.matchAll(MADE)].map((match) => match[2] ?? '');

/** The text with every made part made anew; throws on a name nobody makes. */
export const withParts = (text: string): string =>
  text.replace(MADE, (_whole, head: string, name: string, foot: string) => {
    const make = PARTS[name];
    if (!make) throw new Error(`nobody makes the part "${name}"`);
    return `${head}${make()}${foot}`;
  });

export const readDocument = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What each made file should hold now. */
export function madeFiles(): Map<string, string> {
  const files = Object.keys(DOCUMENTS).map((path): [string, string] => [path, withParts(readDocument(path))]);
  return new Map([['.env.example', envExample()], ...files]);
}
