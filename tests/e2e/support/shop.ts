/**
 * A shop seen from outside, for the e2e tests: buyers, an admin, products, the sandbox's widget.
 * Everything goes over public HTTP; each test makes its own products and members.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { expectDeclared } from './declared';

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}
export interface SendOptions {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}
export interface ShopAddresses {
  readonly gateway: string;
  readonly sandbox: string;
  readonly admin: { readonly username: string; readonly password: string };
}
export interface Buyer {
  readonly memberId: string;
  readonly username: string;
  readonly token: string;
}
export interface AcceptedBody {
  readonly orderId: string;
  readonly status: string;
  readonly sequence: number;
  readonly amount: number;
  readonly eventsUrl: string;
  readonly payment: { readonly orderId: string; readonly amount: number; readonly orderName: string };
}

/** Sends one JSON request; the body is parsed when there is one. Of the gateway, only what its document declares is taken. */
export async function send<T = Record<string, unknown>>(
  method: string,
  url: string,
  { token, body, headers = {}, signal }: SendOptions = {},
): Promise<Answer<T>> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  const answer = { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : {}) as T };
  expectDeclared({ method, url, ...answer });
  return answer;
}

export function createShop(addresses: ShopAddresses) {
  const { gateway, sandbox } = addresses;
  let adminToken: Promise<string> | undefined;

  const logIn = async (username: string, password: string): Promise<string> => {
    const session = await send<{ accessToken: string }>('POST', `${gateway}/v1/sessions`, {
      body: { username, password },
    });
    if (session.status !== 201) throw new Error(`log-in of ${username} answered ${session.status}`);
    return session.body.accessToken;
  };
  const admin = (): Promise<string> => {
    adminToken ??= logIn(addresses.admin.username, addresses.admin.password);
    return adminToken;
  };

  return {
    gateway,
    sandbox,
    admin,
    logIn,

    /** A new member, logged in. */
    async signUp(): Promise<Buyer> {
      const username = `buyer-${randomBytes(6).toString('hex')}`;
      const password = randomUUID();
      const made = await send<{ memberId: string }>('POST', `${gateway}/v1/members`, { body: { username, password } });
      if (made.status !== 201) throw new Error(`sign-up answered ${made.status}: ${JSON.stringify(made.body)}`);
      return { memberId: made.body.memberId, username, token: await logIn(username, password) };
    },

    /** A new product; NORMAL unless the fields say otherwise. */
    async createProduct(fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
      const body = {
        name: `thing ${randomBytes(3).toString('hex')}`,
        type: 'NORMAL',
        price: 12_000,
        stock: 10,
        ...fields,
      };
      const made = await send<{ productId: string }>('POST', `${gateway}/v1/products`, { token: await admin(), body });
      if (made.status !== 201) throw new Error(`product answered ${made.status}: ${JSON.stringify(made.body)}`);
      return made.body.productId;
    },

    checkout<T = AcceptedBody>(
      buyer: Buyer,
      items: readonly { productId: string; quantity: number }[],
      {
        key = randomUUID(),
        headers = {},
        body = {},
      }: { key?: string; headers?: Record<string, string>; body?: object } = {},
    ): Promise<Answer<T>> {
      return send<T>('POST', `${gateway}/v1/checkouts`, {
        token: buyer.token,
        body: { items, ...body },
        headers: { 'idempotency-key': key, ...headers },
      });
    },

    /** What the buyer's browser does with the provider's widget. */
    async authorise(orderId: string, amount: number, card?: string): Promise<string> {
      const made = await send<{ paymentKey: string }>('POST', `${sandbox}/sandbox/authorizations`, {
        body: { orderId, amount, ...(card ? { card } : {}) },
      });
      if (made.status >= 300) throw new Error(`authorisation answered ${made.status}: ${JSON.stringify(made.body)}`);
      return made.body.paymentKey;
    },

    confirm<T = Record<string, unknown>>(
      buyer: Buyer,
      payment: { paymentKey: string; orderId: string; amount: number },
      key: string = randomUUID(),
    ): Promise<Answer<T>> {
      return send<T>('POST', `${gateway}/v1/payments/confirm`, {
        token: buyer.token,
        body: payment,
        headers: { 'idempotency-key': key },
      });
    },

    cancel<T = Record<string, unknown>>(buyer: Buyer, orderId: string, key: string = randomUUID()): Promise<Answer<T>> {
      return send<T>('POST', `${gateway}/v1/checkouts/${orderId}/cancel`, {
        token: buyer.token,
        headers: { 'idempotency-key': key },
      });
    },

    get<T = Record<string, unknown>>(path: string, token?: string): Promise<Answer<T>> {
      return send<T>('GET', `${gateway}${path}`, token ? { token } : {});
    },
  };
}

export type Shop = ReturnType<typeof createShop>;
