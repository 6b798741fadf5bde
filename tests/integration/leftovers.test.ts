/** Rows that nobody asks for any more go, the oldest first; what somebody may still ask for stays. */
import { randomBytes } from 'node:crypto';
import { createId } from '../../domain/ids';
import { createBoundKeys } from '../../infra/mysql/repositories/bound-keys';
import { onceByKey } from '../../infra/mysql/repositories/idempotency';
import { createLeftovers, type Leftovers } from '../../infra/mysql/repositories/leftovers';
import { createMembersRepository, type MembersRepository } from '../../infra/mysql/repositories/members';
import { createRevocationsRepository } from '../../infra/mysql/repositories/revocations';
import { createWebhooksRepository } from '../../infra/mysql/repositories/webhooks';
import { type Sql, type SqlValue, sqlOf } from '../../infra/mysql/transaction';
import { createTestDatabase, type TestDatabase } from '../support/database';

const DAY_MS = 86_400_000;
const HOUR_MS = DAY_MS / 24;
const ago = (ms: number): Date => new Date(Date.now() - ms);

let database: TestDatabase;
let sql: Sql;
let leftovers: Leftovers;
let members: MembersRepository;

beforeAll(async () => {
  database = await createTestDatabase();
  sql = sqlOf(database.source);
  leftovers = createLeftovers(database.source);
  members = createMembersRepository(database.source);
});
afterAll(() => database.destroy());
beforeEach(async () => {
  for (const table of TABLES) await sql.change(`DELETE FROM ${table}`);
});

const TABLES = ['webhook_events', 'idempotency_keys', 'refresh_tokens', 'sessions'] as const;
const trim = () => leftovers.trim({ limit: 100 });
const idsIn = async (table: string, column: string): Promise<readonly string[]> =>
  (await sql.rows<{ id: string }>(`SELECT ${column} AS id FROM ${table} ORDER BY 1`)).map(({ id }) => id);

describe('webhooks', () => {
  const put = async (receivedAt: Date, askedAt: Date | null): Promise<string> => {
    const id = createId('whk');
    await sql.change('INSERT INTO webhook_events (id, payload, received_at, asked_at) VALUES (?, ?, ?, ?)', [
      ...[id, '{}', receivedAt, askedAt],
    ]);
    return id;
  };

  test('When the provider was asked over a day ago, then the hint goes; one nobody has asked about stays however old', async () => {
    await put(ago(2 * DAY_MS), ago(25 * HOUR_MS));
    const young = await put(ago(30 * DAY_MS), ago(23 * HOUR_MS));
    const waiting = await put(ago(30 * DAY_MS), null);
    expect(await trim()).toBe(1);
    expect(await idsIn('webhook_events', 'id')).toEqual([young, waiting].sort());
    const unasked = await createWebhooksRepository(database.source).unasked({ after: '', limit: 10 });
    expect(unasked.map(({ webhookId }) => webhookId)).toEqual([waiting]);
  });
});

describe('idempotency keys', () => {
  const scopeOf = (memberId: string) => ({ memberId, scope: 'POST /v1/things', key: 'key', hash: 'a'.repeat(64) });
  const age = (memberId: string, ms: number) =>
    sql.change('UPDATE idempotency_keys SET created_at = ? WHERE member_id = ?', [ago(ms), memberId]);
  const use = (memberId: string, answer: string) =>
    onceByKey(database.source, scopeOf(memberId), async () => ({ status: 201, body: { answer } }));

  test('When a key is a day old, or six, then its repeat gets the stored answer; after a week it is a new one', async () => {
    const [day, six, eight] = [createId('mem'), createId('mem'), createId('mem')];
    for (const memberId of [day, six, eight]) await use(memberId, 'first');
    await age(day, 24 * HOUR_MS);
    await age(six, 6 * DAY_MS);
    await age(eight, 8 * DAY_MS);
    expect(await trim()).toBe(1);
    const first = { status: 201, body: { answer: 'first' }, isReplay: true };
    expect(await use(day, 'second')).toEqual(first);
    expect(await use(six, 'second')).toEqual(first);
    expect(await use(eight, 'second')).toEqual({ status: 201, body: { answer: 'second' }, isReplay: false });
  });

  test('When a payment is known six days after its key was bound, then the answer is kept for a day', async () => {
    const keys = createBoundKeys(database.source, 'POST /v1/things');
    const key = { memberId: createId('mem'), key: 'key', bodyHash: 'a'.repeat(64) };
    await keys.bind(key);
    await age(key.memberId, 6 * DAY_MS - HOUR_MS);
    await trim();
    await keys.finish(key, { status: 200, body: { paid: true } });
    await age(key.memberId, 7 * DAY_MS - HOUR_MS);
    await trim();
    expect(await keys.bind(key)).toEqual({ kind: 'answered', status: 200, body: { paid: true } });
  });
});

describe('sessions and refresh tokens', () => {
  const hash = (): string => randomBytes(32).toString('hex');
  const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);
  const newMember = async (): Promise<string> => {
    const memberId = createId('mem');
    const username = `m-${hash().slice(0, 12)}`;
    await members.insert({ memberId, username, passwordHash: 'x', role: 'MEMBER', createdAt: new Date() });
    return memberId;
  };
  /** A family: the token of the log-in and those it was exchanged for, each with its end. */
  async function family(ends: readonly Date[]): Promise<{ readonly sessionId: string; readonly tokens: string[] }> {
    const sessionId = createId('ses');
    const memberId = await newMember();
    const tokens = ends.map(hash);
    const [first = '', ...next] = tokens;
    await members.openSession({ sessionId, memberId, passwordHash: 'x', tokenHash: first, expiresAt: inDays(14) });
    for (const [index, nextHash] of next.entries()) {
      const rotated = await members.rotate({ usedHash: tokens[index] ?? '', nextHash, expiresAt: inDays(14) });
      expect(rotated.kind).toBe('rotated');
    }
    for (const [index, end] of ends.entries()) {
      await sql.change('UPDATE refresh_tokens SET expires_at = ? WHERE token_hash = ?', [end, tokens[index] ?? '']);
    }
    await sql.change('UPDATE sessions SET expires_at = ? WHERE id = ?', [ends.at(-1) ?? null, sessionId]);
    return { sessionId, tokens };
  }
  const reuse = (usedHash: string) => members.rotate({ usedHash, nextHash: hash(), expiresAt: inDays(14) });
  const revokedNow = async () => (await createRevocationsRepository(database.source).since(ago(25 * HOUR_MS))).sessions;
  const isRevoked = (sessionId: string) =>
    createRevocationsRepository(database.source).isRevoked(sessionId, Math.floor(Date.now() / 1000));

  test('When a session goes on for long, then its tokens of old go, and it can be refreshed as before', async () => {
    const { sessionId, tokens } = await family([ago(8 * DAY_MS), ago(6 * DAY_MS), inDays(1), inDays(13)]);
    expect(await trim()).toBe(1);
    expect(await idsIn('refresh_tokens', 'token_hash')).toEqual(tokens.slice(1).sort());
    expect(await reuse(tokens[3] ?? '')).toMatchObject({ kind: 'rotated', sessionId });
  });

  test('When a used token is used again before its end, then its session is ended, however many trims came between', async () => {
    const { sessionId, tokens } = await family([ago(20 * DAY_MS), inDays(0.01), inDays(13)]);
    await trim();
    await trim();
    expect(await reuse(tokens[1] ?? '')).toEqual({ kind: 'reused', sessionId });
    expect(await revokedNow()).toEqual([sessionId]);
    expect(await reuse(tokens[2] ?? '')).toEqual({ kind: 'unknown' });
  });

  test('When a used token is past its end, then it is answered after the trim as it was before', async () => {
    const { sessionId, tokens } = await family([ago(8 * DAY_MS), inDays(13)]);
    expect(await reuse(tokens[0] ?? '')).toEqual({ kind: 'unknown' });
    expect(await trim()).toBe(1);
    expect(await reuse(tokens[0] ?? '')).toEqual({ kind: 'unknown' });
    expect(await isRevoked(sessionId)).toBe(false);
  });

  test('When a session has ended, then it stays for all who ask by an access token: revoked or not; a week later it goes', async () => {
    // An access token lives a day at most, and may have been issued just before the end.
    const revoked = await family([ago(DAY_MS)]);
    const unrevoked = await family([ago(DAY_MS)]);
    const gone = await family([ago(8 * DAY_MS)]);
    for (const { sessionId } of [revoked, gone]) await members.revokeSession(sessionId);
    expect(await trim()).toBe(1);
    expect(await idsIn('sessions', 'id')).toEqual([revoked.sessionId, unrevoked.sessionId].sort());
    expect(await revokedNow()).toEqual([revoked.sessionId]);
    expect(await isRevoked(revoked.sessionId)).toBe(true);
    expect(await isRevoked(unrevoked.sessionId)).toBe(false);
  });

  test('When a session was revoked long before its end, then it stays until then', async () => {
    const { sessionId, tokens } = await family([inDays(1)]);
    await sql.change('UPDATE sessions SET revoked_at = ?, created_at = ?', [ago(30 * DAY_MS), ago(60 * DAY_MS)]);
    expect(await trim()).toBe(0);
    expect(await isRevoked(sessionId)).toBe(true);
    expect(await reuse(tokens[0] ?? '')).toEqual({ kind: 'unknown' });
  });
});

test('When much is old, then each round takes the oldest up to its limit from each table, and rounds drain them', async () => {
  const old = (n: number): Date => ago((60 - n) * DAY_MS);
  const name = (n: number): string => String(n).padStart(2, '0');
  const rows = Array.from({ length: 25 }, (_, n) => n).reverse();
  const put = (into: string, row: (n: number) => readonly SqlValue[]) =>
    sql.change(`INSERT INTO ${into} VALUES ?`, [rows.map(row)]);
  await put('webhook_events (id, payload, received_at, asked_at)', (n) => [name(n), '{}', old(n), old(n)]);
  await put('idempotency_keys (member_id, scope, idempotency_key, body_hash, status, body, created_at)', (n) => [
    'mem',
    'scope',
    name(n),
    'hash',
    201,
    '{}',
    old(n),
  ]);
  await put('refresh_tokens (token_hash, session_id, created_at, expires_at)', (n) => [name(n), 's', old(n), old(n)]);
  await put('sessions (id, member_id, created_at, expires_at)', (n) => [name(n), 'mem', old(n), old(n)]);
  const left = async () => [
    await idsIn('webhook_events', 'id'),
    await idsIn('idempotency_keys', 'idempotency_key'),
    await idsIn('refresh_tokens', 'token_hash'),
    await idsIn('sessions', 'id'),
  ];
  const from = (first: number): string[] => [...rows].reverse().slice(first).map(name);

  const limit = 10;
  expect(await leftovers.trim({ limit })).toBe(10);
  expect(await left()).toEqual(TABLES.map(() => from(10)));
  expect(await leftovers.trim({ limit })).toBe(10);
  expect(await left()).toEqual(TABLES.map(() => from(20)));
  expect(await leftovers.trim({ limit })).toBe(5);
  expect(await left()).toEqual(TABLES.map(() => []));
  expect(await leftovers.trim({ limit })).toBe(0);
});
