/** Following a checkout through the gateway: by looking, and by its event stream, by ticket and by token. */
import { type Buying, createBuying } from './support/buying';
import { type Buyer, createShop, type Shop } from './support/shop';
import { connectSystem, type System } from './support/system';

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

/** The events of a stream that has ended. */
const eventsIn = (text: string) =>
  [...text.matchAll(/^event: status\nid: (\d+)\ndata: (.+)$/gm)].map(([, id, data]) => ({
    id: Number(id),
    status: (JSON.parse(data ?? '{}') as { status: string }).status,
  }));
const openStream = (orderId: string, lastEventId?: number, signal?: AbortSignal): Promise<Response> =>
  fetch(`${shop.gateway}/v1/checkouts/${orderId}/events`, {
    headers: {
      authorization: `Bearer ${buyer.token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    },
    ...(signal ? { signal } : {}),
  });
/** Reads the first event, then leaves as a browser does whose network is gone. */
async function firstEvent(orderId: string) {
  const leaving = new AbortController();
  const stream = await openStream(orderId, undefined, leaving.signal);
  const reader = (stream.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (eventsIn(text).length === 0) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended: ${text}`);
    text += value;
  }
  leaving.abort();
  return { first: eventsIn(text)[0], type: stream.headers.get('content-type') };
}

test('When a probe asks for the head of the stream only, then it is answered at once, and nothing follows', async () => {
  const order = await buying.payable(buyer);
  const answer = await fetch(`${shop.gateway}/v1/checkouts/${order.orderId}/events`, {
    method: 'HEAD',
    headers: { authorization: `Bearer ${buyer.token}` },
    signal: AbortSignal.timeout(10_000),
  });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(await answer.text()).toBe('');
});

test('When 300 streams are open, then nobody else waits for them; one order has not all of them', async () => {
  const order = await buying.payable(buyer, { stock: 31 });
  const more = Array.from({ length: 29 }, () => shop.checkout(buyer, [{ productId: order.productId, quantity: 1 }]));
  const urls = (await Promise.all(more)).map(({ body }) => body.eventsUrl);
  const leaving = new AbortController();
  const open = (url: string) => fetch(shop.gateway + url, { signal: leaving.signal });
  try {
    const own = await Promise.all(
      Array.from({ length: 30 }, () => openStream(order.orderId, undefined, leaving.signal)),
    );
    expect(own.filter(({ status }) => status === 200)).toHaveLength(20);
    expect(own.filter(({ status }) => status === 429)).toHaveLength(10);
    const streams = await Promise.all(urls.flatMap((url) => Array.from({ length: 10 }, () => open(url))));
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const other = await shop.signUp();
    expect((await shop.get('/v1/orders', other.token)).status).toBe(200);
    expect((await shop.checkout(other, [{ productId: order.productId, quantity: 1 }])).status).toBe(202);
  } finally {
    leaving.abort();
  }
});

test('When the owner looks, then the timeline tells the way; another member finds nothing', async () => {
  const productId = await shop.createProduct();
  const { body } = await shop.checkout(buyer, [{ productId, quantity: 1 }], { headers: { prefer: 'wait=20' } });
  const stranger = await shop.signUp();

  const mine = await shop.get(`/v1/checkouts/${body.orderId}`, buyer.token);
  const theirs = await shop.get(`/v1/checkouts/${body.orderId}`, stranger.token);

  expect(mine).toMatchObject({ status: 200, body: { status: 'PENDING_PAYMENT', ahead: null } });
  expect(mine.body.timeline).toMatchObject([{ status: 'QUEUED' }, { status: 'PENDING_PAYMENT' }]);
  expect(Date.parse(mine.body.payBy as string)).toBeGreaterThan(Date.now());
  expect(theirs.status).toBe(404);
});

test('When the stream is followed by ticket, then each state arrives, it ends after the last, and resuming gives 204', async () => {
  const productId = await shop.createProduct();
  const { body } = await shop.checkout(buyer, [{ productId, quantity: 1 }], { headers: { prefer: 'wait=20' } });
  const stream = await fetch(`${shop.gateway}${body.eventsUrl}`);
  expect(stream.headers.get('content-type')).toContain('text/event-stream');

  const reading = stream.text();
  const cancelled = await shop.cancel(buyer, body.orderId);
  const text = await reading;
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  const resumed = await fetch(`${shop.gateway}${body.eventsUrl}`, {
    headers: { 'last-event-id': String(ids.at(-1)) },
  });

  expect(cancelled.status).toBe(200);
  expect(text).toContain('event: status');
  expect(text).toContain('"status":"CANCELLED"');
  expect(text).toContain('retry: 2000');
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(resumed.status).toBe(204);
});

test('When the stream is left in mid-story and taken up by token, then only what is new comes, and what was missed', async () => {
  const waiting = await buying.payable(buyer);
  const missed = await buying.payable(buyer);
  const { first: seen, type } = await firstEvent(waiting.orderId);
  const { first: seenToo } = await firstEvent(missed.orderId);
  expect(type).toContain('text/event-stream');
  expect([seen?.status, seenToo?.status]).toEqual(['PENDING_PAYMENT', 'PENDING_PAYMENT']);

  const takenUp = await openStream(waiting.orderId, seen?.id);
  expect(takenUp.status).toBe(200);
  await shop.cancel(buyer, waiting.orderId);
  await shop.cancel(buyer, missed.orderId);
  const story = eventsIn(await takenUp.text());
  const storyToo = eventsIn(await (await openStream(missed.orderId, seenToo?.id)).text());

  expect(story.map(({ status }) => status)).toEqual(['CANCELLED']);
  expect(storyToo.map(({ status }) => status)).toEqual(['CANCELLED']);
  expect(story[0]?.id).toBeGreaterThan(seen?.id ?? 0);
  expect((await openStream(waiting.orderId, story[0]?.id)).status).toBe(204);
  const [row] = await system.rows('SELECT MAX(id) AS id FROM order_history WHERE order_id = ?', [waiting.orderId]);
  expect(Number(row?.id)).toBe(story[0]?.id);
});

test('When a client comes with an id that the order never had, then it is told the state of now, and the stream ends with the order', async () => {
  const order = await buying.payable(buyer);
  const unknown = 2_000_000_000;
  const open = await openStream(order.orderId, unknown);
  expect(open.status).toBe(200);
  await shop.cancel(buyer, order.orderId);
  const story = eventsIn(await open.text());
  const late = eventsIn(await (await openStream(order.orderId, unknown)).text());

  expect(story.map(({ status }) => status)).toEqual(['PENDING_PAYMENT', 'CANCELLED']);
  expect(late).toEqual(story.slice(1));
});

test('When the ticket is of another order, forged, or the token of another member, then there is no stream', async () => {
  const productId = await shop.createProduct();
  const mine = await shop.checkout(buyer, [{ productId, quantity: 1 }]);
  const other = await shop.checkout(buyer, [{ productId, quantity: 1 }]);
  const stranger = await shop.signUp();
  const path = `/v1/checkouts/${mine.body.orderId}/events`;
  const otherTicket = new URL(other.body.eventsUrl, shop.gateway).searchParams.get('ticket');

  expect((await shop.get(`${path}?ticket=${otherTicket}`)).status).toBe(401);
  expect((await shop.get(`${path}?ticket=forged`)).status).toBe(401);
  expect((await shop.get(path)).status).toBe(401);
  expect((await shop.get(path, stranger.token)).status).toBe(404);
});
