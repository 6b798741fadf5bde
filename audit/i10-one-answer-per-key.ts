/** I10: all accepting answers to one key name the same order and amount: in the gate, in MariaDB, and as buyers were told. */
import { gateKeys } from '../infra/redis/keys';
import type { AuditDeps, Check, Offender } from './audit';
import type { Observation } from './observations';

interface KeyedOrder {
  readonly orderId: string;
  readonly memberId: string;
  readonly key: string;
  readonly amount: number | string;
}

const COLUMNS = 'id AS orderId, member_id AS memberId, idempotency_key AS `key`, amount';
const PAGE = 500;
/** The gate knows the keys of a day (docs/protocol.md, section 1); an hour more, for clocks. */
const GATE_KNOWS_HOURS = 25;

/** Orders whose key the gate may know, newest first, page by page: each costs the gate a look. */
async function* recentOrders({ sql }: AuditDeps): AsyncGenerator<readonly KeyedOrder[]> {
  let before: string | undefined;
  for (;;) {
    const page = await sql.rows<KeyedOrder & { readonly isRecent: number }>(
      `SELECT ${COLUMNS}, created_at >= UTC_TIMESTAMP(3) - INTERVAL ${GATE_KNOWS_HOURS} HOUR AS isRecent
       FROM orders ${before === undefined ? '' : 'WHERE id < ?'} ORDER BY id DESC LIMIT ${PAGE}`,
      before === undefined ? [] : [before],
    );
    const recent = page.filter(({ isRecent }) => isRecent);
    if (recent.length > 0) yield recent;
    const last = page.at(-1);
    if (!last?.isRecent) return;
    before = last.orderId;
  }
}

async function inGate(deps: AuditDeps): Promise<{ keys: number; offenders: Offender[] }> {
  const names = gateKeys(deps.shop);
  const generation = Number((await deps.redis.get(names.gate))?.split(':')[0] ?? 0);
  const offenders: Offender[] = [];
  let keys = 0;
  // A closed gate answers nobody.
  if (generation === 0) return { keys, offenders };
  for await (const page of recentOrders(deps)) {
    keys += page.length;
    const records = await deps.redis.mget(page.map(({ memberId, key }) => names.of(generation).record(memberId, key)));
    page.forEach(({ orderId }, index) => {
      const named = records[index]?.split(' ')[0];
      if (named && named !== orderId) offenders.push({ orderId, gateNames: named });
    });
  }
  return { keys, offenders };
}

const nameOf = ({ memberId, key }: { readonly memberId: string; readonly key: string }): string => `${memberId} ${key}`;

const amountsOf = (told: number | undefined, is: number): Offender =>
  told === undefined || told === is ? {} : { toldAmount: told, isAmount: is };

/** Answers without any order are for I11 to name. */
async function asTold({ sql }: AuditDeps, told: readonly Observation[]): Promise<Offender[]> {
  const offenders: Offender[] = [];
  for (let start = 0; start < told.length; start += PAGE) {
    const page = told.slice(start, start + PAGE);
    const rows = await sql.rows<KeyedOrder>(
      `SELECT ${COLUMNS} FROM orders WHERE ${page.map(() => '(member_id = ? AND idempotency_key = ?)').join(' OR ')}`,
      page.flatMap(({ memberId, key }) => [memberId, key]),
    );
    const byKey = new Map(rows.map((row) => [nameOf(row), row]));
    for (const { memberId, key, orderId, amount } of page) {
      const order = byKey.get(nameOf({ memberId, key }));
      if (order && (order.orderId !== orderId || (amount !== undefined && Number(order.amount) !== amount))) {
        offenders.push({ key, told: orderId ?? null, is: order.orderId, ...amountsOf(amount, Number(order.amount)) });
      }
    }
  }
  return offenders;
}

export const oneAnswerPerKey: Check = {
  name: 'I10 one answer per key',
  async run(deps) {
    const { keys, offenders } = await inGate(deps);
    const told = deps.observations.filter(({ status }) => status === 201 || status === 202);
    return { counts: { keys, observed: told.length }, offenders: [...offenders, ...(await asTold(deps, told))] };
  },
};
