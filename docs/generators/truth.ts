/** The provider's truth table for people: each row's meaning is asked of `domain/provider-outcome.ts`, not written down. */
import {
  DEAD_STATUSES,
  DEFINITE_REFUSALS,
  FINAL_REFUND_REFUSALS,
  type ProviderReply,
  readConfirm,
  readLookUp,
  readRefund,
} from '../../domain/provider-outcome';

const payment = { paymentKey: 'key', orderId: 'order', totalAmount: 1_000, balanceAmount: 400 };
const approved = { ...payment, approvedAt: '2026-01-01T09:00:00+09:00' };
const reply = (status: number, body: unknown = {}): ProviderReply => ({ kind: 'reply', status, body });
const each = (statuses: readonly number[], body: unknown): ProviderReply[] => statuses.map((s) => reply(s, body));
const SILENCE: readonly ProviderReply[] = [{ kind: 'silence', why: 'timeout' }];

type Row = readonly [came: string, replies: readonly ProviderReply[]];
const TRY_LATER = [408, 409, 425, 429];
const refusals = (codes: readonly string[]): ProviderReply[] =>
  codes.flatMap((code) => each([400, 403, 404], { code }));

const CONFIRM: readonly Row[] = [
  ['200 `DONE`, complete', [reply(200, { ...approved, status: 'DONE' })]],
  ['200 `DONE`, but order id, time or amount missing', [reply(200, { ...payment, status: 'DONE' })]],
  ['200 with any other status', [reply(200, { ...approved, status: 'IN_PROGRESS' }), reply(200, 'not JSON')]],
  ['4xx with a code of the list of refusals', refusals(DEFINITE_REFUSALS)],
  ['408, 409, 425, 429, whatever code the body has', each(TRY_LATER, { code: DEFINITE_REFUSALS[0] })],
  ['4xx with any other code', refusals(['ALREADY_PROCESSED_PAYMENT', 'PROVIDER_ERROR', 'ANYTHING_ELSE'])],
  ['5xx, whatever code the body has', each([500, 502, 503], { code: DEFINITE_REFUSALS[0] })],
  ['timeout, refused or dropped connection', SILENCE],
];
const LOOK_UP: readonly Row[] = [
  ['200 `DONE`', [reply(200, { ...approved, status: 'DONE' })]],
  ['200 `PARTIAL_CANCELED` (the balance counts)', [reply(200, { ...approved, status: 'PARTIAL_CANCELED' })]],
  [
    `200 ${DEAD_STATUSES.map((status) => `\`${status}\``).join(', ')}`,
    DEAD_STATUSES.map((status) => reply(200, { ...payment, status })),
  ],
  ['200 `READY`, `IN_PROGRESS`', ['READY', 'IN_PROGRESS'].map((status) => reply(200, { ...payment, status }))],
  ['404', [reply(404, { code: 'NOT_FOUND_PAYMENT' })]],
  ['anything else, timeout', [...each([400, 401, 429, 500], {}), reply(200, { status: 'NEW' }), ...SILENCE]],
];
const REFUND: readonly Row[] = [
  ['200 `CANCELED`', [reply(200, { ...payment, status: 'CANCELED' })]],
  ['4xx `ALREADY_CANCELED_PAYMENT`', refusals(['ALREADY_CANCELED_PAYMENT'])],
  ['200 `PARTIAL_CANCELED`', [reply(200, { ...payment, status: 'PARTIAL_CANCELED' })]],
  ['4xx with a code of the list of final refusals', refusals(FINAL_REFUND_REFUSALS)],
  ['anything else, timeout', [...each([409, 429, 500], {}), ...refusals(['ANYTHING_ELSE']), ...SILENCE]],
];

const THEN: Readonly<Record<string, string>> = {
  captured:
    'order id and amount are compared; both ours: order CONFIRMED; another amount: recorded, given back, order PAYMENT_FAILED; another order: payment FAILED, its money is that order’s',
  declined: 'payment FAILED, the buyer may try again; after a lost attempt it is asked first',
  dead: 'payment FAILED',
  open: 'no answer: confirmed again under the same key; a refusal of that is checked by one more look',
  unknown: 'payment UNKNOWN, units held, asked again until it is known',
  refunded: 'REFUNDED; a buyer’s units return',
  refused: 'stays REFUNDING with a dead letter; a person has to look',
};

/** Throws when replies of one row do not mean the same: then the row says too little. */
function table(rows: readonly Row[], read: (reply: ProviderReply) => { readonly kind: string }, then = THEN): string {
  const lines = rows.map(([came, replies]) => {
    const kinds = [...new Set(replies.map((each) => read(each).kind))];
    const [kind = ''] = kinds;
    if (kinds.length !== 1 || !then[kind]) throw new Error(`"${came}" means ${kinds.join(' and ')}`);
    return `| ${came} | **${kind}** | ${then[kind]} |`;
  });
  return ['| came over the wire | means | then |', '|---|---|---|', ...lines].join('\n');
}

export const confirmTruth = (): string => table(CONFIRM, readConfirm);
export const lookUpTruth = (): string => table(LOOK_UP, readLookUp);
export const refundTruth = (): string =>
  table(REFUND, (answer) => readRefund(answer, { paymentKey: 'key', amount: 1_000 }), {
    ...THEN,
    unknown: 'tried again under the same key',
  });
