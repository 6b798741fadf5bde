/** `node dist/stack/seed.js`: the demo data as a job, for compose. `npm start` seeds from its launcher. */
import { readFileSync } from 'node:fs';
import { readConfig } from '../infra/process/config';
import { createFirstAdmin } from './first-admin';
import type { Credentials } from './launcher/credentials';
import { seedShop } from './seed-shop';

async function main(): Promise<void> {
  const { PUBLIC_URL: gateway, ...mysql } = readConfig(['MYSQL_URL', 'MYSQL_SOCKET', 'PUBLIC_URL']);
  const { admin, members } = JSON.parse(readFileSync(process.env.SEED_CREDENTIALS ?? '', 'utf8')) as Credentials;
  await seedShop({ gateway, admin, members, createAdmin: (login) => createFirstAdmin(mysql, login) });
}

main().catch((error: unknown) => {
  process.stderr.write(`seed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
