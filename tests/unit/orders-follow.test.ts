/** Order and history are two reads: what a follower is shown under an id must be what that id says. */
import { createOrdersService, type OrdersDeps } from '../../api/orders/service';
import { createId } from '../../domain/ids';
import type { OrderStatus } from '../../domain/order';
import type { OrderRow, TimelineRow } from '../../infra/mysql/repositories/orders';

const STORY: readonly OrderStatus[] = ['QUEUED', 'PENDING_PAYMENT', 'CONFIRMED', 'REFUNDING', 'REFUNDED'];
const at = new Date('2026-11-26T00:00:00Z');

/** An order that takes a step of its story after each read that `movesAfter` names (the first read is 1). */
function serviceOf(movesAfter: readonly number[]) {
  let reads = 0;
  let steps = 1;
  const read = <T>(what: () => T): Promise<T> => {
    const found = what();
    reads += 1;
    if (movesAfter.includes(reads)) steps += 1;
    return Promise.resolve(found);
  };
  const orderId = createId('ord');
  const order = (): OrderRow => ({
    orderId,
    memberId: createId('mem'),
    sequence: 1,
    status: STORY[steps - 1] ?? 'QUEUED',
    amount: 1_000,
    items: [{ productId: createId('prd'), name: 'Shoe', quantity: 1, unitPrice: 1_000 }],
    idempotencyKey: 'k',
    bodyHash: '',
    owner: null,
    payBy: null,
    createdAt: at,
    updatedAt: at,
  });
  const timeline = (): readonly TimelineRow[] =>
    STORY.slice(0, steps).map((status, index) => ({ id: 10 + index, status, reason: null, at }));
  // Only what `follow` reads.
  const orders = { find: () => read(order), timeline: () => read(timeline), ahead: async () => 0 };
  const views = { clientKey: 'k', signTicket: () => 't' };
  return { orderId, service: createOrdersService({ orders, views, admission: {} } as unknown as OrdersDeps) };
}

test.each([
  ['not', [], 'QUEUED'],
  ['once, between the reads', [1], 'PENDING_PAYMENT'],
  ['twice, between the reads', [1, 3], 'CONFIRMED'],
  ['after the reads', [2], 'QUEUED'],
])('When the order moves %s, then state, timeline and id are of one moment', async (_, movesAfter, status) => {
  const { orderId, service } = serviceOf(movesAfter as readonly number[]);
  const { view, newest } = await service.follow(orderId, null);
  expect(view.status).toBe(status);
  expect(view.timeline.at(-1)?.status).toBe(status);
  expect(newest).toBe(10 + view.timeline.length - 1);
});
