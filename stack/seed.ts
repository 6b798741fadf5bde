/**
 * Demo data, through the public API wherever it can be: an admin, two members, four products and more.
 * Idempotent: a second start finds what the first has made. Only the first admin is made past the API, which has no way to.
 */
import { readFileSync } from 'node:fs';
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

/** Written into MariaDB. Loaded for a first start only: the ORM alone is half of what this job costs a later one. */
async function seedAdmin(admin: Login): Promise<void> {
  const { createDataSource } = await import('../infra/mysql/data-source.js');
  const { createAdmin } = await import('../infra/mysql/repositories/members.js');
  const source = await createDataSource(readConfig(['MYSQL_URL', 'MYSQL_SOCKET'])).initialize();
  await createAdmin(source, admin).finally(() => source.destroy());
}

/** @returns the admin's access token */
async function logIn(gateway: string, admin: Login): Promise<string> {
  const ask = () => post<{ accessToken: string }>(`${gateway}/v1/sessions`, admin);
  let session = await ask();
  if (session.status === 401) {
    await seedAdmin(admin);
    session = await ask();
  }
  assertStatus(session, [201], 'log-in of the admin');
  return session.body.accessToken;
}

async function seedProducts(gateway: string, accessToken: string): Promise<void> {
  const authorization = `Bearer ${accessToken}`;
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
  const { PUBLIC_URL: gateway } = readConfig(['PUBLIC_URL']);
  const { admin, members } = JSON.parse(readFileSync(process.env.SEED_CREDENTIALS ?? '', 'utf8')) as Credentials;
  await seedMembers(gateway, members);
  await seedProducts(gateway, await logIn(gateway, admin));
}

main().catch((error: unknown) => {
  process.stderr.write(`seed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
