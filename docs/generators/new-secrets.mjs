/**
 * Prints a `.env` for docker-compose.yml with fresh random secrets and a new ES256 key pair:
 *
 *   node docs/generators/new-secrets.mjs > .env
 *
 * Plain Node without dependencies: on a machine with Docker only, run it in the image that the Dockerfile names.
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';

// Passwords travel in URLs and command lines: hexadecimal needs no quoting anywhere.
const password = () => randomBytes(24).toString('hex');
const secret = (bytes) => randomBytes(bytes).toString('base64url');
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const about = { kid: randomUUID(), alg: 'ES256', use: 'sig' };
const privateJwk = { ...privateKey.export({ format: 'jwk' }), ...about };
const publicJwk = { ...publicKey.export({ format: 'jwk' }), ...about };

const variables = {
  MYSQL_PASSWORD: password(),
  REDIS_PASSWORD: password(),
  TEMPORAL_DB_PASSWORD: password(),
  ADMIN_PASSWORD: password(),
  MEMBER_PASSWORD: password(),
  TOKEN_PRIVATE_KEY: `'${JSON.stringify(privateJwk)}'`,
  TOKEN_PUBLIC_KEYS: `'${JSON.stringify({ keys: [publicJwk] })}'`,
  PRINCIPAL_SECRET: secret(32),
  TICKET_SECRET: secret(32),
  PROVIDER_SECRET_KEY: `test_sk_${secret(18)}`,
};

for (const [name, value] of Object.entries(variables)) process.stdout.write(`${name}=${value}\n`);
