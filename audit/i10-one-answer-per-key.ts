/** I10: all accepting answers to one key name the same order and amount: in the gate, in MariaDB, and as buyers were told. */
import { gateKeys } from '../infra/redis/keys';
import type { Check, Offender } from './audit';

const PAGE = 500;

export const oneAnswerPerKey: Check = {
  name: 'I10 one answer per key',
  async run({ sql, redis, shop, observations }) {
    const offenders: Offender[] = [];
    const keys = gateKeys(shop);
    const generation = Number((await redis.get(keys.gate))?.split(':')[0] ?? 0);
    const orders = await sql.rows<{ orderId: string; memberId: string; key: string; amount: number | string }>(
      'SELECT id AS orderId, member_id AS memberId, idempotency_key AS `key`, amount FROM orders ORDER BY id DESC LIMIT 20000',
    );
    for (let start = 0; generation > 0 && start < orders.length; start += PAGE) {
      const page = orders.slice(start, start + PAGE);
      const records = await redis.mget(page.map(({ memberId, key }) => keys.of(generation).record(memberId, key)));
      page.forEach(({ orderId }, index) => {
        const named = records[index]?.split(' ')[0];
        if (named && named !== orderId) offenders.push({ orderId, gateNames: named });
      });
    }
    const byKey = new Map(orders.map((order) => [`${order.memberId} ${order.key}`, order]));
    const accepted = observations.filter(({ status }) => status === 201 || status === 202);
    for (const { memberId, key, orderId, amount } of accepted) {
      const order = byKey.get(`${memberId} ${key}`);
      if (order && (order.orderId !== orderId || (amount !== undefined && Number(order.amount) !== amount))) {
        offenders.push({ key, told: orderId ?? null, is: order.orderId });
      }
    }
    return { counts: { keys: orders.length, observed: accepted.length }, offenders };
  },
};
