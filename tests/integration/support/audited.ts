/** A small shop in which everything has happened once and all is well: what the audit's tests break, one thing at a time. */
import type { AuditDeps } from '../../../audit/audit';
import { AUDIT_SETTINGS, connectAudit } from '../../../audit/connect';
import { topicsOf } from '../../../domain/events';
import { topicOf } from '../../../domain/events/event';
import { CONSUMER_GROUPS } from '../../../domain/names';
import { createDeadLetters } from '../../../infra/mysql/repositories/dead-letters';
import { parseJson } from '../../../infra/mysql/transaction';
import { readConfig } from '../../../infra/process/config';
import { EFFECTS } from '../../../workers/consumers/groups';
import { createTake } from '../../../workers/consumers/take';
import { removeDir, type SandboxClient, sandboxClient, startTestSandbox, tempDir } from '../../support/sandbox';
import { testServers, testTemporal } from '../../support/servers';
import { createGateFixture, type GateFixture } from './gate';
import { PRICE } from './ledger';

export interface Bought {
  readonly orderId: string;
  readonly memberId: string;
  readonly owner: string;
}
export interface Paid extends Bought {
  readonly paymentId: string;
  readonly paymentKey: string;
}

export interface AuditedShop {
  readonly gate: GateFixture;
  readonly sandbox: SandboxClient;
  readonly deps: AuditDeps;
  /** environment of `npm run audit` for this shop */
  readonly env: Readonly<Record<string, string>>;
  readonly productId: string;
  readonly queued: Bought;
  readonly cancelled: Bought;
  readonly confirmed: Paid;
  readonly refunded: Paid;
  /** Captures money at the provider, whatever we think of it; answers the payment key. */
  capture(orderId: string, amount?: number): Promise<string>;
  /** One more order whose payment was captured a moment ago: its saga has not written it down yet. */
  begunPayment(): Promise<Paid>;
  /** One more order that was cancelled a moment ago: the gate still has its hold. */
  cancelledInMariadb(): Promise<Bought>;
  /** Gives all of it back. */
  giveBack(paymentKey: string): Promise<void>;
  destroy(): Promise<void>;
}

const ATTEMPTS = 3;

/** Every event so far takes its effect in both groups, by the consumers' own code. */
async function takeAll({ sql, source }: GateFixture): Promise<void> {
  const rows = await sql.rows<{ payload: unknown }>('SELECT payload FROM outbox ORDER BY id');
  const events = rows.map(({ payload }) =>
    parseJson<{ type: Parameters<typeof topicOf>[0]; orderId: string }>(payload),
  );
  for (const group of CONSUMER_GROUPS) {
    const take = createTake({
      group,
      source,
      effect: EFFECTS[group],
      deadLetters: createDeadLetters(source),
      producer: {
        send: () => Promise.reject(new Error('an event was laid aside')),
        close: () => Promise.resolve(),
      },
      topicPrefix: '',
    });
    const messages = events
      .filter(({ type }) => topicsOf(group).includes(topicOf(type)))
      .map((event, n) => ({
        topic: topicOf(event.type),
        key: event.orderId,
        value: JSON.stringify(event),
        position: `outbox/0/${n}`,
      }));
    await take(messages, { heartbeat: () => Promise.resolve(), isWanted: () => true });
  }
}

function createBuyer(gate: GateFixture, productId: string) {
  const buy = async (): Promise<Bought> => {
    const request = gate.request(productId);
    const orderId = await gate.buy(productId, request);
    return { orderId, memberId: request.memberId, owner: `checkout-${orderId}` };
  };
  const open = async (): Promise<Bought> => {
    const order = await buy();
    await gate.sql.change('UPDATE orders SET owner = ? WHERE id = ?', [order.owner, order.orderId]);
    await gate.ledger.openOrder({ ...order, holdMs: 600_000 });
    return order;
  };
  /** The provider has captured, and nobody has written that down yet. */
  const begin = async (capture: AuditedShop['capture']): Promise<Paid> => {
    const order = await open();
    const paymentKey = await capture(order.orderId);
    const begun = await gate.ledger.beginPayment({ ...order, paymentKey, amount: PRICE, attemptsMax: ATTEMPTS });
    if (begun.kind !== 'begun') throw new Error(`not begun: ${begun.kind}`);
    return { ...order, paymentId: begun.paymentId, paymentKey };
  };
  const pay = async (capture: AuditedShop['capture']): Promise<Paid> => {
    const paid = await begin(capture);
    const approvedAt = new Date().toISOString();
    await gate.ledger.recordCapture({ ...paid, approvedAt, amount: PRICE, method: null });
    await gate.gate.syncHold(paid.orderId);
    return paid;
  };
  const end = async (): Promise<Bought> => {
    const order = await open();
    await gate.ledger.endOrder({ ...order, status: 'CANCELLED', reason: 'cancelled_by_buyer' });
    return order;
  };
  const cancel = async (): Promise<Bought> => {
    const order = await end();
    await gate.gate.syncHold(order.orderId);
    return order;
  };
  return { buy, begin, pay, end, cancel };
}

export async function createAuditedShop(): Promise<AuditedShop> {
  const gate = await createGateFixture();
  const dir = await tempDir();
  const provider = await startTestSandbox({ dir });
  const sandbox = sandboxClient(provider.url);
  const capture: AuditedShop['capture'] = async (orderId, amount = PRICE) => {
    const paymentKey = await sandbox.authorize({ orderId, amount });
    const answer = await sandbox.call('POST', '/v1/payments/confirm', {
      body: { paymentKey, orderId, amount },
      idempotencyKey: paymentKey,
    });
    if (answer.status !== 200) throw new Error(`not captured: ${JSON.stringify(answer)}`);
    return paymentKey;
  };
  const giveBack: AuditedShop['giveBack'] = async (paymentKey) => {
    const body = { cancelReason: 'given back' };
    const { status } = await sandbox.call('POST', `/v1/payments/${paymentKey}/cancel`, { body });
    if (status !== 200) throw new Error(`not given back: ${status}`);
  };

  const productId = await gate.product(20, { limit: 2 });
  await gate.rebuild();
  const buyer = createBuyer(gate, productId);
  const cancelled = await buyer.cancel();
  const confirmed = await buyer.pay(capture);
  const refunded = await buyer.pay(capture);
  await gate.ledger.claimBuyerRefund({ ...refunded, requestedBy: refunded.memberId, reason: 'too small' });
  await giveBack(refunded.paymentKey);
  const { adjustments } = await gate.ledger.recordRefund(refunded);
  for (const adjustment of adjustments) await gate.gate.applyAdjustment(adjustment);
  const queued = await buyer.buy();
  // Nobody claims orders here: its minute in the line must not run out while a slow machine looks at the shop.
  await gate.sql.change('UPDATE orders SET created_at = created_at + INTERVAL 1 HOUR WHERE id = ?', [queued.orderId]);
  await takeAll(gate);

  const temporal = testTemporal();
  const [database] = await gate.sql.rows<{ name: string }>('SELECT DATABASE() AS name');
  const env = {
    MYSQL_URL: `${testServers().mysql}${database?.name}`,
    REDIS_URL: testServers().redis,
    SHOP: gate.shop,
    SANDBOX_URL: provider.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
  };
  const audit = await connectAudit(readConfig(AUDIT_SETTINGS, env));
  return {
    gate,
    sandbox,
    deps: audit.deps,
    env,
    productId,
    queued,
    cancelled,
    confirmed,
    refunded,
    capture,
    begunPayment: () => buyer.begin(capture),
    cancelledInMariadb: buyer.end,
    giveBack,
    async destroy() {
      await audit.close();
      await provider.stop();
      await gate.destroy();
      await removeDir(dir);
    },
  };
}
