import { createId } from '../../domain/ids';
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
