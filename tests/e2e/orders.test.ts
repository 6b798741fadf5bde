/** Orders as members and admins see them, and what the events of an order make of it elsewhere. */
import { type Buying, createBuying } from './support/buying';
import { type Buyer, createShop, type Shop } from './support/shop';
import { connectSystem, type System } from './support/system';

interface Page {
  readonly items: readonly { readonly orderId: string; readonly memberId: string; readonly status: string }[];
  readonly nextCursor: string | null;
}

let system: System;
let shop: Shop;
let buying: Buying;
let buyer: Buyer;

beforeAll(async () => {
  system = await connectSystem();
  shop = createShop(system.addresses);
  buying = createBuying(shop);
  buyer = await shop.signUp();
});
afterAll(() => system.close());

describe('GET /v1/orders', () => {
  test('When orders are listed, then pages hold the member’s own, newest first, and filter by status', async () => {
    const member = await shop.signUp();
    const made = [];
    for (let i = 0; i < 3; i += 1) made.push(await buying.payable(member));
    const [oldest] = made;
    if (!oldest) throw new Error('no order');
    await buying.pay(member, oldest);

    const first = await shop.get<Page>('/v1/orders?limit=2', member.token);
    const rest = await shop.get<Page>(`/v1/orders?limit=2&cursor=${first.body.nextCursor}`, member.token);
    const confirmed = await shop.get<Page>('/v1/orders?status=CONFIRMED', member.token);

    const seen = [...first.body.items, ...rest.body.items].map((item) => item.orderId);
    expect(seen).toEqual(made.map((order) => order.orderId).reverse());
    expect(rest.body.nextCursor).toBeNull();
    expect(confirmed.body.items).toMatchObject([{ orderId: oldest.orderId, status: 'CONFIRMED' }]);
    expect((await shop.get('/v1/orders?cursor=nonsense', member.token)).body).toMatchObject({ code: 'invalid_cursor' });
  });

  test('When an admin lists orders, then those of all members are there; a member sees none of another', async () => {
    const other = await shop.signUp();
    const theirs = await buying.payable(other);
    const mine = await buying.payable(buyer);

    const all = await shop.get<Page>('/v1/orders?limit=100', await shop.admin());
    const own = await shop.get<Page>('/v1/orders?limit=100', other.token);

    const owners = new Map(all.body.items.map(({ orderId, memberId }) => [orderId, memberId]));
    expect(owners.get(mine.orderId)).toBe(buyer.memberId);
    expect(owners.get(theirs.orderId)).toBe(other.memberId);
    const ids = all.body.items.map(({ orderId }) => orderId);
    expect(ids.indexOf(mine.orderId)).toBeLessThan(ids.indexOf(theirs.orderId));
    expect(own.body.items.map(({ orderId }) => orderId)).toEqual([theirs.orderId]);
  });

  test('When an order is read, then the owner and an admin see it, the admin with the link to its saga, others not', async () => {
    const order = await buying.payable(buyer);
    const stranger = await shop.signUp();
    const path = `/v1/orders/${order.orderId}`;

    const mine = await shop.get(path, buyer.token);
    const admins = await shop.get(path, await shop.admin());

    expect(mine).toMatchObject({ status: 200, body: { orderId: order.orderId, memberId: buyer.memberId } });
    expect(mine.body.sagaUrl).toBeUndefined();
    expect(admins.body.sagaUrl).toMatch(/^http.*checkout/);
    expect((await shop.get(path, stranger.token)).status).toBe(404);
  });
});

describe('events reach their consumers', () => {
  test('When an order is confirmed, then its owner is notified once and the sales report counts it once', async () => {
    const member = await shop.signUp();
    const order = await buying.payable(member, { price: 3_300 });
    await buying.pay(member, order);

    const notes = await system.until('the notification', async () => {
      const page = await shop.get<{ items: { kind: string; orderId: string }[] }>(
        '/v1/members/me/notifications',
        member.token,
      );
      const kinds = page.body.items.map((note) => note.kind);
      return kinds.includes('order.confirmed') ? kinds : null;
    });
    const sales = await system.until('the sale in the report', async () => {
      const path = `/v1/reports/sales?productId=${order.productId}`;
      const page = await shop.get<{ items: { units: number; revenue: number }[] }>(path, await shop.admin());
      return page.body.items.length > 0 ? page.body.items : null;
    });

    expect(notes.filter((kind) => kind === 'order.confirmed')).toHaveLength(1);
    expect(sales).toMatchObject([{ units: 1, revenue: 3_300 }]);
    expect((await shop.get('/v1/reports/sales', member.token)).status).toBe(403);
  });
});
