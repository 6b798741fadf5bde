/** The sold-out cell: answers without a script, and never to those who hold, own, or repeat. */
import type { Redis } from 'ioredis';
import { createId } from '../../domain/ids';
import { connectSubscriber } from '../../infra/redis/connection';
import { createSoldOutCell, type SoldOutCell } from '../../infra/redis/sold-out-cell';
import { testServers } from '../support/servers';
import { until } from '../support/until';
import { createGateFixture, type GateFixture } from './support/gate';

let gate: GateFixture;
let subscriber: Redis;
let cell: SoldOutCell;
beforeAll(async () => {
  gate = await createGateFixture();
  subscriber = connectSubscriber(testServers().redis);
  cell = createSoldOutCell({ redis: gate.redis, subscriber, shop: gate.shop });
  await until(cell.isListening, { within: 5_000, what: 'listening' });
});
afterAll(async () => {
  subscriber.disconnect();
  await gate.destroy();
});

const anybody = () => createId('mem');

async function soldOut(buyer: string): Promise<string> {
  const shoe = await gate.product(1);
  await gate.rebuild();
  await gate.buy(shoe, { memberId: buyer });
  return shoe;
}
/** Cancelled orders of a member, born with the one there is. */
async function repeatOrders(memberId: string, count: number): Promise<void> {
  const columns = await gate.sql.rows<{ name: string }>(
    "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'orders'",
  );
  const own: Readonly<Record<string, string>> = {
    id: "CONCAT(LEFT(id, LENGTH(id) - 6), LPAD(seq, 6, '0'))",
    sequence: '1000000 + seq',
    idempotency_key: "CONCAT('again-', seq)",
    status: "'CANCELLED'",
  };
  const names = columns.map(({ name }) => name);
  await gate.sql.change(
    `INSERT INTO orders (${names.join(', ')}) SELECT ${names.map((name) => own[name] ?? name).join(', ')}
     FROM orders JOIN seq_1_to_${count} WHERE member_id = ?`,
    [memberId],
  );
}
const filled = (productId: string) =>
  until(
    () => {
      cell.note(productId);
      return cell.answer([productId], anybody());
    },
    { within: 5_000, what: 'a cell' },
  );

test('When a product is sold out, then strangers are answered, its buyers never', async () => {
  const buyer = anybody();
  const shoe = await soldOut(buyer);
  expect(cell.answer([shoe], anybody())).toBeNull();
  expect(await filled(shoe)).toEqual({ productId: shoe });
  expect(cell.answer([createId('prd'), shoe], anybody())).toEqual({ productId: shoe });
  expect(cell.answer([shoe], buyer)).toBeNull();
  expect(cell.answer([createId('prd')], anybody())).toBeNull();
});

test('When the gate was rebuilt, then buyers of orders that ended are still spared: they may repeat', async () => {
  const buyer = anybody();
  const shoe = await soldOut(buyer);
  await gate.sql.change("UPDATE orders SET status = 'CONFIRMED' WHERE member_id = ?", [buyer]);
  await gate.sql.change('UPDATE stock SET held = 0, sold = 1 WHERE product_id = ?', [shoe]);
  await gate.rebuild();
  await filled(shoe);
  expect(cell.answer([shoe], buyer)).toBeNull();
});

test('When one buyer has had 20,001 orders of a product, then after a rebuild the buyers after them are spared all the same', async () => {
  const [often, last] = [anybody(), anybody()];
  const shoe = await gate.product(2);
  await gate.rebuild();
  await gate.buy(shoe, { memberId: often });
  await repeatOrders(often, 20_001);
  await gate.rebuild();
  await gate.buy(shoe, { memberId: last });
  await gate.sql.change("UPDATE orders SET status = 'CONFIRMED' WHERE member_id = ?", [last]);
  await gate.rebuild();
  await filled(shoe);
  expect(cell.answer([shoe], last)).toBeNull();
});

test('When units are available, then there is no cell', async () => {
  const shoe = await gate.product(2);
  await gate.rebuild();
  cell.note(shoe);
  await soldOut(anybody());
  expect(cell.answer([shoe], anybody())).toBeNull();
});

test('When units come back, then the cell is gone before anybody can own them', async () => {
  const shoe = await soldOut(anybody());
  await filled(shoe);
  await gate.gate.applyAdjustment({ productId: shoe, n: 2, delta: 1 });
  await until(() => cell.answer([shoe], anybody()) === null, { within: 800, what: 'no cell' });
});

test('When a second has passed, then the cell is over', async () => {
  const shoe = await soldOut(anybody());
  await filled(shoe);
  await until(() => cell.answer([shoe], anybody()) === null, { within: 1_500, what: 'no cell' });
});

test('When the gate is rebuilt, then all cells are gone', async () => {
  const shoe = await soldOut(anybody());
  await filled(shoe);
  await gate.rebuild();
  await until(() => cell.answer([shoe], anybody()) === null, { within: 800, what: 'no cell' });
});

test('When a product has more than 10,000 buyers, then it has no cell', async () => {
  const shoe = await soldOut(anybody());
  const other = await soldOut(anybody());
  await gate.redis.sadd((await gate.keys()).buyers(shoe), ...Array.from({ length: 10_001 }, (_, n) => `mem_${n}`));
  cell.note(shoe);
  // Readings go one after another on the connection: once the later one is there, the earlier has been.
  await filled(other);
  expect(cell.answer([shoe], anybody())).toBeNull();
});

test('When news is no longer heard, then there are no cells', async () => {
  const shoe = await soldOut(anybody());
  await filled(shoe);
  subscriber.disconnect(true);
  await until(() => !cell.isListening(), { within: 2_000, what: 'deaf' });
  expect(cell.answer([shoe], anybody())).toBeNull();
  await until(cell.isListening, { within: 5_000, what: 'listening again' });
});
