import { createId } from '../../domain/ids';
import { createBoundKeys } from '../../infra/mysql/repositories/bound-keys';
import { type IdempotencyScope, onceByKey } from '../../infra/mysql/repositories/idempotency';
import { type Sql, sqlOf } from '../../infra/mysql/transaction';
import { createTestDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.destroy());

const scopeOf = (change: Partial<IdempotencyScope> = {}): IdempotencyScope => ({
  memberId: createId('mem'),
  scope: 'POST /v1/things',
  key: 'key',
  hash: 'a'.repeat(64),
  ...change,
});
/** The effect: one row per run. */
const effect = (member: string) => async (tx: Sql) => {
  const id = createId('whk');
  await tx.change('INSERT INTO webhook_events (id, payload, received_at) VALUES (?, ?, UTC_TIMESTAMP(3))', [
    id,
    JSON.stringify({ member }),
  ]);
  return { status: 201, body: { id } };
};
const effects = async (member: string): Promise<number> => {
  const rows = await sqlOf(database.source).rows(
    "SELECT id FROM webhook_events WHERE JSON_VALUE(payload, '$.member') = ?",
    [member],
  );
  return rows.length;
};

test('When twenty requests come at once under one key, then one effect, and all get the same answer', async () => {
  const scope = scopeOf();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => onceByKey(database.source, scope, effect(scope.memberId))),
  );
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1);
  expect(await effects(scope.memberId)).toBe(1);
});

test('When the key was used for another request, then it is refused and nothing happens', async () => {
  const scope = scopeOf();
  await onceByKey(database.source, scope, effect(scope.memberId));
  const other = onceByKey(database.source, { ...scope, hash: 'b'.repeat(64) }, effect(scope.memberId));
  await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  expect(await effects(scope.memberId)).toBe(1);
});

test('When the effect is refused, then the key is free again', async () => {
  const scope = scopeOf();
  const refused = onceByKey(database.source, scope, async (tx) => {
    await effect(scope.memberId)(tx);
    throw new Error('refused');
  });
  await expect(refused).rejects.toThrow('refused');
  expect(await effects(scope.memberId)).toBe(0);
  expect((await onceByKey(database.source, scope, effect(scope.memberId))).isReplay).toBe(false);
});

test('When another member, route or key is meant, then it is another request', async () => {
  const scope = scopeOf();
  for (const change of [{}, { memberId: createId('mem') }, { scope: 'POST /v1/others' }, { key: 'KEY' }]) {
    expect((await onceByKey(database.source, { ...scope, ...change }, effect(scope.memberId))).isReplay).toBe(false);
  }
});

describe('keys bound before an effect that others carry out', () => {
  const boundKey = (change: { key?: string; bodyHash?: string } = {}) => ({
    memberId: createId('mem'),
    key: 'key',
    bodyHash: 'a'.repeat(64),
    ...change,
  });
  const answer = { status: 200, body: { orderId: 'one' } };

  test('When the same request comes again, then it goes on until there is an answer, and gets that one after', async () => {
    const keys = createBoundKeys(database.source, 'POST /v1/things');
    const key = boundKey();
    expect(await keys.bind(key)).toEqual({ kind: 'bound' });
    expect(await keys.bind(key)).toEqual({ kind: 'bound' });
    await keys.finish(key, answer);
    await keys.finish(key, { status: 200, body: { orderId: 'two' } });
    await keys.free(key);
    expect(await keys.bind(key)).toEqual({ kind: 'answered', ...answer });
  });

  test('When the key is used for another request, then it is reused; of another scope or member, then not', async () => {
    const keys = createBoundKeys(database.source, 'POST /v1/things');
    const key = boundKey();
    await keys.bind(key);
    expect(await keys.bind({ ...key, bodyHash: 'b'.repeat(64) })).toEqual({ kind: 'reused' });
    expect(await keys.bind({ ...boundKey(), bodyHash: 'b'.repeat(64) })).toEqual({ kind: 'bound' });
    const others = createBoundKeys(database.source, 'POST /v1/others');
    expect(await others.bind({ ...key, bodyHash: 'b'.repeat(64) })).toEqual({ kind: 'bound' });
  });

  test('When a refused key is taken by another request, then a late end of the first does not answer for it', async () => {
    const keys = createBoundKeys(database.source, 'POST /v1/things');
    const first = boundKey();
    const second = { ...first, bodyHash: 'b'.repeat(64) };
    await keys.bind(first);
    await keys.free(first);
    expect(await keys.bind(second)).toEqual({ kind: 'bound' });
    await keys.finish(first, answer);
    await keys.free(first);
    expect(await keys.bind(second)).toEqual({ kind: 'bound' });
    expect(await keys.bind(first)).toEqual({ kind: 'reused' });
  });
});
