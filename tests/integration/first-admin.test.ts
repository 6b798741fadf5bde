/** The admin's account as the seed makes it: the only way to one, so it must give the shop to nobody else. */
import { createPasswords } from '../../api/members/passwords';
import { createMembersService } from '../../api/members/service';
import { createId } from '../../domain/ids';
import { createAdmin, createMembersRepository } from '../../infra/mysql/repositories/members';
import { inTransaction } from '../../infra/mysql/transaction';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { uniqueName } from '../support/servers';
import { until } from '../support/until';
import { hashOf } from './support/gate';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.destroy());

const members = () => createMembersRepository(database.source);
const inAnHour = () => new Date(Date.now() + 3_600_000);

async function newSession(username: string, n: number) {
  const { memberId = '', passwordHash = '' } = (await members().findByUsername(username)) ?? {};
  return { sessionId: createId('ses'), memberId, passwordHash, tokenHash: hashOf(n), expiresAt: inAnHour() };
}

async function openSession(username: string, n: number) {
  const session = await newSession(username, n);
  expect(await members().openSession(session)).toBe(true);
  return () => members().rotate({ usedHash: hashOf(n), nextHash: hashOf(n + 1), expiresAt: inAnHour() });
}

test('When the admin is given another password, then it has that one, and whoever was inside with the old one is out', async () => {
  const username = uniqueName('boss');
  const memberId = await createAdmin(database.source, { username, password: 'the first one' });
  const before = await members().findByUsername(username);
  const refresh = await openSession(username, 100);

  expect(await createAdmin(database.source, { username, password: 'the second one' })).toBe(memberId);

  const after = await members().findByUsername(username);
  expect(after).toMatchObject({ memberId, role: 'ADMIN' });
  expect(after?.passwordHash).not.toBe(before?.passwordHash);
  expect(await refresh()).toEqual({ kind: 'unknown' });
  const later = await openSession(username, 200);
  expect(await later()).toMatchObject({ kind: 'rotated', role: 'ADMIN' });
});

test('When the password is changed while somebody logs in with the old one, then no session is opened', async () => {
  const username = uniqueName('boss');
  await createAdmin(database.source, { username, password: 'the first one' });
  const underWay = await newSession(username, 300);
  await createAdmin(database.source, { username, password: 'the second one' });

  expect(await members().openSession(underWay)).toBe(false);

  expect(await database.source.query('SELECT 1 FROM sessions WHERE id = ?', [underWay.sessionId])).toEqual([]);
});

test('When the password is changed between its check and the session, then the login is refused and no token is signed', async () => {
  const login = { username: uniqueName('boss'), password: 'the first one' };
  await createAdmin(database.source, login);
  const sign = jest.fn();
  const service = createMembersService({
    members: {
      ...members(),
      async findByUsername(username) {
        const found = await members().findByUsername(username);
        await createAdmin(database.source, { username, password: 'the second one' });
        return found;
      },
    },
    passwords: createPasswords(),
    tokens: { sign, lifeS: 60 },
    refreshLifeS: 60,
    tellRevoked: async () => undefined,
  });
  await expect(service.logIn(login)).rejects.toMatchObject({ code: 'invalid_credentials' });
  expect(sign).not.toHaveBeenCalled();
});

test('When the change of the password is not committed yet, then a login waits for it', async () => {
  const username = uniqueName('boss');
  const memberId = await createAdmin(database.source, { username, password: 'the first one' });
  const underWay = await newSession(username, 400);
  const running = 'SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE ? AND TIME_MS > 100';
  const waits = async () => (await database.source.query(running, [`SELECT 1 FROM members%${memberId}%`])).length > 0;
  const { opened } = await inTransaction(database.source, async (tx) => {
    await tx.change('UPDATE members SET password_hash = ? WHERE id = ?', ['another', memberId]);
    const answer = members().openSession(underWay);
    await until(waits, { within: 2_500, what: 'the login to wait' });
    return { opened: answer };
  });
  expect(await opened).toBe(false);
});

test('When a member came first to the name, then it stays a member, and the seed says so', async () => {
  const username = uniqueName('squatter');
  const member = {
    memberId: createId('mem'),
    username,
    passwordHash: 'x',
    role: 'MEMBER',
    createdAt: new Date(),
  } as const;
  expect(await members().insert(member)).toBe(true);

  await expect(createAdmin(database.source, { username, password: 'of the shop' })).rejects.toThrow("a member's name");

  expect(await members().findByUsername(username)).toMatchObject({ role: 'MEMBER', passwordHash: 'x' });
});
