/** What the seed asks of the shop, over its public API. */
interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

async function call<T>(url: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await fetch(url, { ...init, headers: { 'content-type': 'application/json', ...init.headers } });
  return { status: response.status, body: (await response.json()) as T };
}
export const post = <T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> =>
  call<T>(url, { method: 'POST', body: JSON.stringify(body), headers });

export function assertStatus({ status, body }: Answer<unknown>, expected: readonly number[], what: string): void {
  if (!expected.includes(status)) throw new Error(`${what} answered ${status}: ${JSON.stringify(body)}`);
}

interface ProductPage {
  readonly items: readonly { readonly name: string }[];
  readonly nextCursor: string | null;
}

/**
 * Which of these names are on sale. Products are listed newest first and every load adds one, so the search goes on to
 * the last page unless all were found before.
 */
export async function namesOnSale(gateway: string, wanted: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null && found.size < wanted.length) {
    const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Answer<ProductPage> = await call(`${gateway}/v1/products?limit=100${from}`);
    assertStatus(page, [200], 'product list');
    for (const { name } of page.body.items) if (wanted.includes(name)) found.add(name);
    cursor = page.body.nextCursor;
  }
  return found;
}
