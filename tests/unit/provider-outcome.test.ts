/** The truth table, row by row: what may be believed of every kind of answer. */
import {
  DEAD_STATUSES,
  DEFINITE_REFUSALS,
  FINAL_REFUND_REFUSALS,
  type ProviderReply,
  readConfirm,
  readLookUp,
  readRefund,
} from '../../domain/provider-outcome';

const payment = {
  paymentKey: 'key',
  orderId: 'ord_1',
  status: 'DONE',
  totalAmount: 1_000,
  balanceAmount: 1_000,
  approvedAt: '2026-11-25T09:00:00+09:00',
  method: '카드',
};
const captured = {
  kind: 'captured',
  paymentKey: 'key',
  orderId: 'ord_1',
  amount: 1_000,
  approvedAt: '2026-11-25T00:00:00.000Z',
  method: '카드',
};
const reply = (status: number, body: unknown): ProviderReply => ({ kind: 'reply', status, body });
const refusal = (status: number, code: string) => reply(status, { code, message: 'no' });
const silence: ProviderReply = { kind: 'silence', why: 'timeout' };
const UNSURE = [408, 409, 425, 429, 500, 502, 503, 504];
const UNLISTED = [
  'ALREADY_PROCESSED_PAYMENT',
  'PROVIDER_ERROR',
  'CARD_PROCESSING_ERROR',
  'INVALID_REQUEST',
  'NEW_CODE',
];

describe('confirm', () => {
  test('When the payment is DONE, then it is captured, with the provider’s order id, amount and UTC time', () => {
    expect(readConfirm(reply(200, payment))).toEqual(captured);
  });

  test.each(DEFINITE_REFUSALS)('When %s refuses, then it is declined', (code) => {
    for (const status of [400, 401, 403, 404, 422]) {
      expect(readConfirm(refusal(status, code))).toEqual({ kind: 'declined', code, message: 'no' });
    }
  });

  test.each(DEFINITE_REFUSALS)(
    'When %s comes with a status that says "later" or "broken", then it is unknown',
    (code) => {
      for (const status of UNSURE) expect(readConfirm(refusal(status, code)).kind).toBe('unknown');
    },
  );

  test.each(UNLISTED)('When the unlisted code %s comes, then it is unknown, and the history says which', (code) => {
    for (const status of [400, 403, ...UNSURE]) {
      expect(readConfirm(refusal(status, code))).toEqual({ kind: 'unknown', why: `http ${status} ${code}` });
    }
  });

  test.each([
    'READY',
    'IN_PROGRESS',
    'WAITING_FOR_DEPOSIT',
    'CANCELED',
    'PARTIAL_CANCELED',
    'ABORTED',
    'EXPIRED',
    'NEW',
  ])('When 200 comes with status %s, then nothing is believed', (status) =>
    expect(readConfirm(reply(200, { ...payment, status })).kind).toBe('unknown'),
  );

  test.each([
    ['no payment key', { ...payment, paymentKey: undefined }],
    ['no order id', { ...payment, orderId: '' }],
    ['an amount that is no whole number', { ...payment, totalAmount: '1000' }],
    ['a fraction of a won', { ...payment, totalAmount: 0.5 }],
    ['a time that is none', { ...payment, approvedAt: 'today' }],
    ['no time', { ...payment, approvedAt: null }],
    ['a list', [payment]],
    ['nothing', null],
    ['text', 'DONE'],
  ])('When 200 carries %s, then it is unknown, never declined and never captured', (_, body) => {
    expect(readConfirm(reply(200, body)).kind).toBe('unknown');
  });

  test('When no answer comes, or one without a body, then it is unknown', () => {
    expect(readConfirm(silence)).toEqual({ kind: 'unknown', why: 'timeout' });
    expect(readConfirm(reply(500, null))).toEqual({ kind: 'unknown', why: 'http 500' });
    expect(readConfirm(reply(404, null)).kind).toBe('unknown');
    expect(readConfirm(reply(302, payment)).kind).toBe('unknown');
    expect(readConfirm(reply(201, payment)).kind).toBe('unknown');
  });
});

describe('look-up', () => {
  test('When the payment is DONE, then it is captured', () => {
    expect(readLookUp(reply(200, payment))).toEqual(captured);
  });

  test('When a part went back, then what is left counts as captured, so that the comparison with the order fails', () => {
    const part = { ...payment, status: 'PARTIAL_CANCELED', balanceAmount: 400 };
    expect(readLookUp(reply(200, part))).toEqual({ ...captured, amount: 400 });
  });

  test.each(DEAD_STATUSES)('When the status is %s, then it is dead', (status) => {
    const body = { ...payment, status, approvedAt: null };
    expect(readLookUp(reply(200, body))).toEqual({ kind: 'dead', paymentKey: 'key', status });
  });

  test('When it is READY, IN_PROGRESS or not found, then it is open: a confirm may be on its way', () => {
    for (const status of ['READY', 'IN_PROGRESS']) {
      expect(readLookUp(reply(200, { ...payment, status, approvedAt: null }))).toEqual({ kind: 'open' });
    }
    expect(readLookUp(refusal(404, 'NOT_FOUND_PAYMENT'))).toEqual({ kind: 'open' });
    expect(readLookUp(reply(404, null))).toEqual({ kind: 'open' });
  });

  test('When the answer is late, broken, refused or strange, then it is unknown, even with a refusal’s code', () => {
    for (const status of [400, 401, 403, ...UNSURE]) {
      expect(readLookUp(refusal(status, 'REJECT_CARD_PAYMENT')).kind).toBe('unknown');
    }
    expect(readLookUp(silence).kind).toBe('unknown');
    expect(readLookUp(reply(200, { ...payment, status: 'WAITING_FOR_DEPOSIT' })).kind).toBe('unknown');
    expect(readLookUp(reply(200, { status: 'ABORTED' })).kind).toBe('unknown');
    expect(readLookUp(reply(200, { ...payment, totalAmount: null })).kind).toBe('unknown');
  });
});

describe('refund', () => {
  const asked = { paymentKey: 'key', amount: 1_000 };
  const refunded = { kind: 'refunded', paymentKey: 'key', amount: 1_000 };

  test('When all went back, now or earlier, then it is refunded', () => {
    expect(readRefund(reply(200, { ...payment, status: 'CANCELED' }), asked)).toEqual(refunded);
    expect(readRefund(refusal(400, 'ALREADY_CANCELED_PAYMENT'), asked)).toEqual(refunded);
  });

  test.each(FINAL_REFUND_REFUSALS)('When %s refuses, then it is refused for good', (code) => {
    expect(readRefund(refusal(403, code), asked)).toEqual({ kind: 'refused', code, message: 'no' });
    for (const status of UNSURE) expect(readRefund(refusal(status, code), asked).kind).toBe('unknown');
  });

  test('When money is left after a full refund, then a person has to look', () => {
    const answer = readRefund(reply(200, { ...payment, status: 'PARTIAL_CANCELED' }), asked);
    expect(answer).toMatchObject({ kind: 'refused', code: 'PARTIAL_CANCELED' });
  });

  test('When the answer says nothing of the money, then it is unknown and is tried again', () => {
    for (const status of [400, 401, ...UNSURE])
      expect(readRefund(refusal(status, 'PROVIDER_ERROR'), asked).kind).toBe('unknown');
    for (const status of UNSURE)
      expect(readRefund(refusal(status, 'ALREADY_CANCELED_PAYMENT'), asked).kind).toBe('unknown');
    expect(readRefund(reply(200, payment), asked).kind).toBe('unknown');
    expect(readRefund(silence, asked).kind).toBe('unknown');
  });
});

describe('words that are longer than what is kept, or not found', () => {
  test('When the method is a long word, then its beginning is kept, for the capture must be recorded', () => {
    const answer = readConfirm(reply(200, { ...payment, method: 'x'.repeat(100) }));
    expect(answer).toMatchObject({ kind: 'captured', method: 'x'.repeat(40) });
  });

  test('When a confirm finds no such payment, then it is unknown like any other unlisted word, and says so', () => {
    expect(readConfirm(refusal(404, 'NOT_FOUND_PAYMENT'))).toEqual({
      kind: 'unknown',
      why: 'http 404 NOT_FOUND_PAYMENT',
      isNotFound: true,
    });
  });
});
