/**
 * Demo data, through the public API wherever it can be: an admin, two members, four products and more.
 * Idempotent: a second start finds what the first has made. Only the first admin is made past the API, which has no way to.
 */
import { readFileSync } from 'node:fs';
import { createDataSource } from '../infra/mysql/data-source';
import { createAdmin } from '../infra/mysql/repositories/members';
import { readConfig } from '../infra/process/config';
import type { Credentials, Login } from './launcher/credentials';
import { assertStatus, namesOnSale, post } from './seed-shop';

interface Product {
  readonly name: string;
  readonly type: 'NORMAL' | 'EVENT';
  readonly price: number;
  readonly stock: number;
  readonly limitPerMember?: number;
  /** seconds from now */
  readonly opensInS?: number;
}

const PRODUCTS: readonly Product[] = [
  { name: 'Linen shirt', type: 'NORMAL', price: 39_000, stock: 500 },
  { name: 'Canvas bag', type: 'NORMAL', price: 24_000, stock: 500 },
  { name: 'Enamel mug', type: 'NORMAL', price: 12_000, stock: 500 },
  { name: 'Drop: sneaker, open now', type: 'EVENT', price: 179_000, stock: 100, limitPerMember: 1, opensInS: -1 },
  { name: 'Drop: jacket, opens soon', type: 'EVENT', price: 259_000, stock: 50, limitPerMember: 1, opensInS: 120 },
];

async function seedMembers(gateway: string, members: readonly Login[]): Promise<void> {
  for (const member of members) {
    assertStatus(await post(`${gateway}/v1/members`, member), [201, 409], `sign-up of ${member.username}`);
  }
}

async function seedProducts(gateway: string, admin: Login): Promise<void> {
  const session = await post<{ accessToken: string }>(`${gateway}/v1/sessions`, admin);
  assertStatus(session, [201], 'log-in of the admin');
  const authorization = `Bearer ${session.body.accessToken}`;
  const known = await namesOnSale(
    gateway,
    PRODUCTS.map(({ name }) => name),
  );
  for (const { opensInS, ...product } of PRODUCTS.filter(({ name }) => !known.has(name))) {
    const opensAt = opensInS === undefined ? {} : { opensAt: new Date(Date.now() + opensInS * 1_000).toISOString() };
    const made = await post(`${gateway}/v1/products`, { ...product, ...opensAt }, { authorization });
    assertStatus(made, [201], `product ${product.name}`);
  }
}

async function main(): Promise<void> {
  const config = readConfig(['MYSQL_URL', 'MYSQL_SOCKET', 'PUBLIC_URL']);
  const { admin, members } = JSON.parse(readFileSync(process.env.SEED_CREDENTIALS ?? '', 'utf8')) as Credentials;
  const source = await createDataSource(config).initialize();
  await createAdmin(source, admin).finally(() => source.destroy());
  await seedMembers(config.PUBLIC_URL, members);
  await seedProducts(config.PUBLIC_URL, admin);
}

main().catch((error: unknown) => {
  process.stderr.write(`seed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
