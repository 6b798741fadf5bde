/** Members and their sessions through the gateway: rows, refusals, and what another member may not see. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createShop, type Shop, send } from './support/shop';
import { connectSystem, type System } from './support/system';

interface Tokens {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly refreshExpiresIn: number;
  readonly code?: string;
}
interface MemberBody {
  readonly memberId: string;
  readonly username: string;
  readonly code?: string;
}

let system: System;
let shop: Shop;
let at: (path: string) => string;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  at = (path) => system.addresses.gateway + path;
});
afterAll(() => system.close());

const newCredentials = () => ({ username: `m-${randomBytes(6).toString('hex')}`, password: randomUUID() });
const signUp = (body: object) => send<MemberBody>('POST', at('/v1/members'), { body });
const logIn = (body: object) => send<Tokens>('POST', at('/v1/sessions'), { body });
const refresh = (refreshToken: string) => send<Tokens>('POST', at('/v1/sessions/refresh'), { body: { refreshToken } });
const me = (token?: string) => send<MemberBody>('GET', at('/v1/members/me'), token ? { token } : {});

const newSession = async () => {
  const credentials = newCredentials();
  const member = await signUp(credentials);
  const session = await logIn(credentials);
  return { ...credentials, memberId: member.body.memberId, ...session.body };
};

describe('POST /v1/members', () => {
  test('When somebody signs up, then 201 and one row, without the password in it', async () => {
    const credentials = newCredentials();
    const { status, body } = await signUp(credentials);
    expect(status).toBe(201);
    expect(body).toEqual({
      memberId: expect.stringMatching(/^mem_/),
      username: credentials.username,
      role: 'MEMBER',
      createdAt: expect.any(String),
    });
    const rows = await system.rows<{ password_hash: string; role: string }>(
      'SELECT password_hash, role FROM members WHERE id = ?',
      [body.memberId],
    );
    expect(rows).toEqual([
      { password_hash: expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/), role: 'MEMBER' },
    ]);
    expect(rows[0]?.password_hash).not.toContain(credentials.password);
  });

  test('When the name is taken, also in other letter case, then 409; ten at once make one member', async () => {
    const credentials = newCredentials();
    const answers = await Promise.all(Array.from({ length: 10 }, () => signUp(credentials)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
    const upper = await signUp({ ...credentials, username: credentials.username.toUpperCase() });
    expect([upper.status, upper.body.code]).toEqual([409, 'username_taken']);
    const [count] = await system.rows<{ n: number }>('SELECT COUNT(*) AS n FROM members WHERE username = ?', [
      credentials.username,
    ]);
    expect(Number(count?.n)).toBe(1);
  });

  test.each([
    ['short', 'abc123', 'weak_password', 422],
    ['of one letter', 'aaaaaaaaaaaaaaaa', 'weak_password', 422],
    ['well known', 'password12345', 'weak_password', 422],
    ['missing', undefined, 'malformed_request', 400],
  ])('When the password is %s, then it is refused and leaves no row', async (_what, password, code, status) => {
    const { username } = newCredentials();
    const answer = await signUp({ username, ...(password ? { password } : {}) });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await system.rows('SELECT id FROM members WHERE username = ?', [username])).toEqual([]);
  });

  test('When a member wants to be an admin, then the field is refused as unknown', async () => {
    expect((await signUp({ ...newCredentials(), role: 'ADMIN' })).body.code).toBe('malformed_request');
  });
});

describe('POST /v1/sessions', () => {
  test('When a member logs in, then tokens that work, and a session whose refresh token is stored as a hash only', async () => {
    const session = await newSession();
    expect(session).toMatchObject({
      tokenType: 'Bearer',
      expiresIn: expect.any(Number),
      refreshExpiresIn: expect.any(Number),
    });
    expect((await me(session.accessToken)).body.memberId).toBe(session.memberId);
    const rows = await system.rows<{ token_hash: string }>(
      'SELECT t.token_hash FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.member_id = ?',
      [session.memberId],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.token_hash).not.toBe(session.refreshToken);
  });

  test('When the password or the name is wrong, then the same 401 and no session', async () => {
    const credentials = newCredentials();
    const { body } = await signUp(credentials);
    const wrong = await logIn({ ...credentials, password: 'something else' });
    const nobody = await logIn({ ...credentials, username: 'nobody-at-all' });
    expect([wrong.status, wrong.body.code]).toEqual([401, 'invalid_credentials']);
    expect({ ...nobody.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
    expect(await system.rows('SELECT id FROM sessions WHERE member_id = ?', [body.memberId])).toEqual([]);
  });
});

describe('POST /v1/sessions/refresh', () => {
  test('When a refresh token is exchanged, then new tokens work and the family goes on', async () => {
    const session = await newSession();
    const next = await refresh(session.refreshToken);
    expect(next.status).toBe(200);
    expect((await me(next.body.accessToken)).status).toBe(200);
    expect((await refresh(next.body.refreshToken)).status).toBe(200);
  });

  test('When a refresh token is used twice, then the whole family ends: old and new tokens are refused', async () => {
    const session = await newSession();
    const next = await refresh(session.refreshToken);
    const again = await refresh(session.refreshToken);
    expect([again.status, again.body.code]).toEqual([401, 'refresh_reused']);
    expect((await me(next.body.accessToken)).status).toBe(401);
    expect((await me(session.accessToken)).status).toBe(401);
    expect((await refresh(next.body.refreshToken)).body.code).toBe('invalid_credentials');
    const [row] = await system.rows<{ revoked_at: Date | null }>(
      'SELECT revoked_at FROM sessions WHERE member_id = ?',
      [session.memberId],
    );
    expect(row?.revoked_at).not.toBeNull();
  });

  test('When one refresh token is used by several at once, then one gets tokens, and then nobody has any', async () => {
    const session = await newSession();
    const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(session.refreshToken)));
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect((await me(winners[0]?.body.accessToken)).status).toBe(401);
  });

  test('When the refresh token is none, then 401', async () => {
    expect((await refresh('no-token-of-ours')).body.code).toBe('invalid_credentials');
  });
});

describe('DELETE /v1/sessions/current', () => {
  test('When a member logs out, then 204 and the token ends at once; other sessions of theirs go on', async () => {
    const session = await newSession();
    const other = await logIn({ username: session.username, password: session.password });
    const out = await send('DELETE', at('/v1/sessions/current'), { token: session.accessToken });
    expect(out.status).toBe(204);
    expect((await me(session.accessToken)).status).toBe(401);
    expect((await refresh(session.refreshToken)).status).toBe(401);
    expect((await me(other.body.accessToken)).status).toBe(200);
  });

  test('When nobody is logged in, then 401', async () => {
    expect((await send('DELETE', at('/v1/sessions/current'))).status).toBe(401);
  });
});

describe('GET /v1/members/me and notifications', () => {
  test('When a member asks who they are, then their own row; without a token 401', async () => {
    const session = await newSession();
    expect((await me(session.accessToken)).body).toMatchObject({
      memberId: session.memberId,
      username: session.username,
    });
    const nobody = await me();
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Bearer')]);
  });

  test('When an order was paid, then its buyer is notified once, page by page; another member sees nothing of it', async () => {
    const buyer = await shop.signUp();
    const stranger = await shop.signUp();
    const productId = await shop.createProduct();
    for (let i = 0; i < 2; i += 1) {
      const accepted = await shop.checkout(buyer, [{ productId, quantity: 1 }], { headers: { prefer: 'wait=20' } });
      const { orderId, amount } = accepted.body;
      const paymentKey = await shop.authorise(orderId, amount);
      expect((await shop.confirm(buyer, { paymentKey, orderId, amount })).status).toBeLessThan(300);
    }
    interface Page {
      readonly items: { readonly notificationId: string; readonly orderId: string; readonly kind: string }[];
      readonly nextCursor: string | null;
      readonly code?: string;
    }
    const ask = (token: string, query = '') => send<Page>('GET', at(`/v1/members/me/notifications${query}`), { token });
    await system.until('notifications of both orders', async () => {
      const { items } = (await ask(buyer.token)).body;
      return new Set(items.map(({ orderId }) => orderId)).size === 2 ? items : null;
    });
    const first = await ask(buyer.token, '?limit=1');
    expect(first.body.items).toHaveLength(1);
    const second = await ask(buyer.token, `?limit=1&cursor=${first.body.nextCursor}`);
    expect(second.body.items[0]?.notificationId).not.toBe(first.body.items[0]?.notificationId);
    // Read last: more of them may have come while the pages were turned, and none goes.
    const all = (await ask(buyer.token)).body.items;
    expect(all.map(({ notificationId }) => notificationId)).toContain(second.body.items[0]?.notificationId);
    expect((await ask(stranger.token)).body.items).toEqual([]);
    expect((await ask(buyer.token, '?cursor=nonsense')).body.code).toBe('invalid_cursor');
    expect((await ask(buyer.token, '?limit=0')).status).toBe(422);
  });
});
