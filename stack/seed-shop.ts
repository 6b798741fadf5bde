/**
 * Demo data, through the public API wherever it can be: an admin, two members, five products. Idempotent: a later start finds
 * what the first has made. Only the admin's account is made, or given another password, past the API, which has no way to.
 */
import type { Login } from './launcher/credentials';

interface Product {
  readonly name: string;
  readonly type: 'NORMAL' | 'EVENT';
  readonly price: number;
  readonly stock: number;
  readonly limitPerMember?: number;
  /** seconds from now */
  readonly opensInS?: number;
}

export const DEMO_PRODUCTS: readonly [Product, ...Product[]] = [
  { name: 'Linen shirt', type: 'NORMAL', price: 39_000, stock: 500 },
  { name: 'Canvas bag', type: 'NORMAL', price: 24_000, stock: 500 },
  { name: 'Enamel mug', type: 'NORMAL', price: 12_000, stock: 500 },
  { name: 'Drop: sneaker, open now', type: 'EVENT', price: 179_000, stock: 100, limitPerMember: 1, opensInS: -1 },
  { name: 'Drop: jacket, opens soon', type: 'EVENT', price: 259_000, stock: 50, limitPerMember: 1, opensInS: 120 },
];

interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

async function call<T>(url: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await fetch(url, { ...init, headers: { 'content-type': 'application/json', ...init.headers } });
  return { status: response.status, body: (await response.json()) as T };
}
const post = <T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> =>
  call<T>(url, { method: 'POST', body: JSON.stringify(body), headers });

function assertStatus({ status, body }: Answer<unknown>, expected: readonly number[], what: string): void {
  if (!expected.includes(status)) throw new Error(`${what} answered ${status}: ${JSON.stringify(body)}`);
}

interface ProductPage {
  readonly items: readonly { readonly productId: string; readonly name: string }[];
  readonly nextCursor: string | null;
}

/**
 * The ids of those of these names that are on sale; of several of one name the oldest, which was here before any of a user's.
 * Products are listed newest first, so the search goes on to the last page.
 */
export async function idsOnSale(gateway: string, wanted: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Answer<ProductPage> = await call(`${gateway}/v1/products?limit=100${from}`);
    assertStatus(page, [200], 'product list');
    for (const { name, productId } of page.body.items) {
      if (wanted.includes(name)) found.set(name, productId);
    }
    cursor = page.body.nextCursor;
  }
  return found;
}

export interface Seed {
  /** base URL */
  readonly gateway: string;
  readonly admin: Login;
  readonly members: readonly Login[];
  /** makes the account, or gives it this password */
  readonly createAdmin: (admin: Login) => Promise<unknown>;
}

async function seedMembers({ gateway, members }: Seed): Promise<void> {
  for (const member of members) {
    assertStatus(await post(`${gateway}/v1/members`, member), [201, 409], `sign-up of ${member.username}`);
  }
}

/**
 * Who can log in needs no account: it is made, or given this password, only for whom the shop does not know by it.
 * @returns the admin's access token
 */
async function logIn({ gateway, admin, createAdmin }: Seed): Promise<string> {
  const attempt = () => post<{ accessToken: string }>(`${gateway}/v1/sessions`, admin);
  let session = await attempt();
  if (session.status === 401) {
    await createAdmin(admin);
    session = await attempt();
  }
  assertStatus(session, [201], 'log-in of the admin');
  return session.body.accessToken;
}

/**
 * Products come last: where all of them are, the members are.
 * @returns the id of the first demo product, to try a checkout with
 * @throws with what the shop answered
 */
export async function seedShop(seed: Seed): Promise<string> {
  const { gateway } = seed;
  const names = DEMO_PRODUCTS.map(({ name }) => name);
  const [ids, token] = await Promise.all([idsOnSale(gateway, names), logIn(seed)]);
  const missing = DEMO_PRODUCTS.filter(({ name }) => !ids.has(name));
  if (missing.length > 0) await seedMembers(seed);
  for (const { opensInS, ...product } of missing) {
    const opensAt = opensInS === undefined ? {} : { opensAt: new Date(Date.now() + opensInS * 1_000).toISOString() };
    const made = await post<{ productId: string }>(
      `${gateway}/v1/products`,
      { ...product, ...opensAt },
      { authorization: `Bearer ${token}` },
    );
    assertStatus(made, [201], `product ${product.name}`);
    ids.set(product.name, made.body.productId);
  }
  // Found or made above.
  return ids.get(DEMO_PRODUCTS[0].name) as string;
}
