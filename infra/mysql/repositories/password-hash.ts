/** How a password is stored: argon2id at OWASP's minimum (19 MiB, 2 passes), 20–40 ms of one core. */
import { hash, verify } from '@node-rs/argon2';

const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const hashPassword = (password: string): Promise<string> => hash(password, COST);
export const isPasswordOf = (stored: string, password: string): Promise<boolean> => verify(stored, password);
