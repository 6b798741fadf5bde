/** What the load needs an admin for: a fresh product, and where the slowest sagas are shown. */
import { randomBytes } from 'node:crypto';
import type { Http } from './http';
import { LoadError } from './stack';

const PATIENCE_MS = 30_000;
/** The sale opens in the past, so that no clock difference refuses the first buyer. */
const OPENED_AGO_MS = 60_000;
const SALE_MS = 86_400_000;

export async function logIn(http: Http, credentials: { username: string; password: string }): Promise<string> {
  const call = { method: 'POST', path: '/v1/sessions', body: credentials } as const;
  const answer = await http.insist(call, Date.now() + PATIENCE_MS);
  if (answer.status !== 201) throw new LoadError(`the admin's log-in answered ${answer.status}`);
  return String(answer.body.accessToken);
}

/** An EVENT product that is open now, one unit per member. */
export async function createEvent(http: Http, token: string, units: number): Promise<string> {
  const now = Date.now();
  const body = {
    name: `Load ${randomBytes(4).toString('hex')}`,
    type: 'EVENT',
    price: 10_000,
    opensAt: new Date(now - OPENED_AGO_MS).toISOString(),
    closesAt: new Date(now + SALE_MS).toISOString(),
    limitPerMember: 1,
    stock: units,
  };
  const answer = await http.send({ method: 'POST', path: '/v1/products', token, body });
  if (answer.status !== 201) throw new LoadError(`the product answered ${answer.status} ${String(answer.body.code)}`);
  return String(answer.body.productId);
}

/** Where the Web UI shows the order's saga; null when the order has no owner yet. */
export async function findSaga(http: Http, token: string, orderId: string): Promise<string | null> {
  const answer = await http.send({ method: 'GET', path: `/v1/orders/${orderId}`, token });
  return typeof answer.body.sagaUrl === 'string' ? answer.body.sagaUrl : null;
}
