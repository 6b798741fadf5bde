import { createId } from '../../domain/ids';
import { id } from '../../domain/operations/fields';
import { canonicalHash, decodeCursor, encodeCursor } from '../../infra/http/canonical';
import { isUnreachable } from '../../infra/http/foreign-errors';
import { createPrincipals } from '../../infra/http/principal';
import { problemOf } from '../../infra/http/problem-response';
import { parseIdempotencyKey, parsePrefer } from '../../infra/http/request-headers';
import { isTicketFor, signTicket } from '../../infra/http/ticket';

const SECRET = Buffer.alloc(32, 1).toString('base64url');
const OTHER = Buffer.alloc(32, 2).toString('base64url');

test('When two bodies differ in key order and spaces only, then their hashes are equal; else not', () => {
  expect(canonicalHash({ a: 1, b: [{ c: 'x', d: null }] })).toBe(canonicalHash({ b: [{ d: null, c: 'x' }], a: 1 }));
  expect(canonicalHash({ a: 1, b: undefined })).toBe(canonicalHash({ a: 1 }));
  expect(canonicalHash({ a: [1, 2] })).not.toBe(canonicalHash({ a: [2, 1] }));
  expect(canonicalHash({ a: '1' })).not.toBe(canonicalHash({ a: 1 }));
});

test('When a cursor is ours, then it says where the page begins; anything else is invalid_cursor', () => {
  const ofOrders = id('ord');
  const orderId = createId('ord');
  expect(decodeCursor(encodeCursor(orderId), ofOrders)).toBe(orderId);
  expect(decodeCursor(undefined, ofOrders)).toBeUndefined();
  const ofAnotherList = encodeCursor(createId('prd'));
  const broken = ['', 'x', '%', encodeCursor(5), encodeCursor(['a']), Buffer.from('{').toString('base64url')];
  for (const cursor of [...broken, ofAnotherList]) {
    expect(() => decodeCursor(cursor, ofOrders)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
  }
});

test('When a ticket is for this order and young enough, then it opens the stream; no other does', () => {
  const order = createId('ord');
  const now = Date.now();
  const ticket = signTicket(SECRET, order, now);
  expect(isTicketFor(SECRET, order, ticket, now + 590_000)).toBe(true);
  expect(isTicketFor(SECRET, order, ticket, now + 601_000)).toBe(false);
  expect(isTicketFor(SECRET, createId('ord'), ticket, now)).toBe(false);
  expect(isTicketFor(OTHER, order, ticket, now)).toBe(false);
  const [expiry = '', mac = ''] = ticket.split('.');
  expect(isTicketFor(SECRET, order, `${(Number.parseInt(expiry, 36) + 60).toString(36)}.${mac}`, now)).toBe(false);
  expect(isTicketFor(SECRET, order, 'nonsense', now)).toBe(false);
});

test('When a principal is used for another request, service or secret, then it is void', async () => {
  const principals = createPrincipals(SECRET);
  const principal = { memberId: createId('mem'), sessionId: createId('ses'), role: 'MEMBER' } as const;
  const scope = { service: 'orders', method: 'GET', path: '/v1/orders', requestId: 'r-1' } as const;
  const token = await principals.sign(principal, scope);
  await expect(principals.verify(token, scope)).resolves.toEqual(principal);
  const others = [
    { ...scope, service: 'payments' },
    { ...scope, method: 'POST' },
    { ...scope, path: '/v1/payments' },
    { ...scope, requestId: 'r-2' },
  ] as const;
  for (const other of others) await expect(principals.verify(token, other)).rejects.toMatchObject({ status: 401 });
  await expect(createPrincipals(OTHER).verify(token, scope)).rejects.toMatchObject({ status: 401 });
  expect(() => createPrincipals('c2hvcnQ')).toThrow('32 bytes');
});

test.each([
  ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })],
  [
    'a wrapped error of the driver',
    Object.assign(new Error('x'), { driverError: Object.assign(new Error('y'), { errno: 1053 }) }),
  ],
  ['Redis without a connection', new Error("Stream isn't writeable and enableOfflineQueue options is false")],
  ['Redis that loads', new Error('LOADING Redis is loading the dataset in memory')],
  ['Temporal away', Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'x' })],
  ['a cause', new Error('x', { cause: Object.assign(new Error('y'), { name: 'CommitUnknown' }) })],
])('When the failure is %s, then the client is told to come back', (_what, error) => {
  expect(problemOf(error).code).toBe('unavailable');
});

test('When the failure is ours, then it is not passed off as a moment of weakness', () => {
  expect(problemOf(new TypeError('x is not a function')).code).toBe('internal');
  expect(isUnreachable(Object.assign(new Error('syntax'), { errno: 1064 }))).toBe(false);
  expect(problemOf('a string').code).toBe('internal');
});

test('When the headers have odd shapes, then they are read as their RFCs say', () => {
  expect(parseIdempotencyKey('"a-\\"b"')).toBe('a-"b');
  expect(parseIdempotencyKey('plain')).toBe('plain');
  expect(parsePrefer('respond-async, wait=5')).toEqual({ waitS: 5 });
  expect(parsePrefer('wait=5; x=y')).toEqual({ waitS: 5 });
  expect(parsePrefer('await=5')).toEqual({});
  expect(parsePrefer('wait=-5')).toEqual({});
  expect(parsePrefer(undefined)).toEqual({});
});
