/** Passwords and keys of this clone: random, made at the first start, readable by the owner only. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { type Home, readJson, writeJson } from './home';

export interface Login {
  readonly username: string;
  readonly password: string;
}
export interface Credentials {
  readonly mysql: { readonly user: string; readonly password: string };
  /** ES256; the public set is what gateways verify with */
  readonly tokens: { readonly privateKey: JWK; readonly publicKeys: { readonly keys: readonly JWK[] } };
  readonly principalSecret: string;
  readonly ticketSecret: string;
  readonly provider: { readonly secretKey: string; readonly clientKey: string };
  readonly admin: Login;
  readonly members: readonly Login[];
}

const secret = (bytes = 32): string => randomBytes(bytes).toString('base64url');

async function createTokenKeys(): Promise<Credentials['tokens']> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = publicKey.export({ format: 'jwk' }) as JWK;
  const named = { kid: await calculateJwkThumbprint(publicJwk), alg: 'ES256', use: 'sig' };
  return {
    privateKey: { ...(privateKey.export({ format: 'jwk' }) as JWK), ...named },
    publicKeys: { keys: [{ ...publicJwk, ...named }] },
  };
}

/** The credentials of this state folder, made when it is new. */
export async function loadCredentials(home: Home): Promise<Credentials> {
  const file = home.at('credentials.json');
  const kept = readJson<Credentials>(file);
  if (kept) return kept;
  const made: Credentials = {
    mysql: { user: 'firstcome', password: secret(18) },
    tokens: await createTokenKeys(),
    principalSecret: secret(),
    ticketSecret: secret(),
    provider: { secretKey: `test_sk_${secret(18)}`, clientKey: `test_ck_${secret(12)}` },
    admin: { username: 'admin', password: secret(12) },
    members: ['alice', 'bob'].map((username) => ({ username, password: secret(12) })),
  };
  writeJson(file, made, 0o600);
  return made;
}
