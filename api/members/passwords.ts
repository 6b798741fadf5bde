/** Passwords: which are too weak, and hashing a few at a time, the rest waiting in a bounded line. */
import { Problem } from '../../domain/errors';
import { hashPassword, isPasswordOf } from '../../infra/mysql/repositories/password-hash';

/** A hash takes 20–40 ms of a core: more at once only makes all of them late. */
const AT_ONCE = 2;
/** About ten seconds of work; beyond it a client does better to come back. */
const WAITING_MAX = 400;
const LENGTH_MIN = 10;
const DIFFERENT_MIN = 5;

/** Why a password is too weak, or null. NIST SP 800-63B: length and well-known words count, character classes do not. */
export function weaknessOf(password: string, username: string): string | null {
  const lower = password.toLowerCase();
  // The username is known to everybody: it adds nothing.
  const secret = lower.replaceAll(username.toLowerCase(), '');
  if (secret.length < LENGTH_MIN) return `at least ${LENGTH_MIN} characters beside the username`;
  if (new Set(secret).size < DIFFERENT_MIN) return `at least ${DIFFERENT_MIN} different characters`;
  if (/^(password|passw0rd|qwerty|iloveyou|letmein|1234567890|0123456789|abcdefghij)/.test(lower)) {
    return 'must not be a well-known one';
  }
  return null;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Takes the same time whether the member exists (`stored` undefined) or not. */
  matches(password: string, stored: string | undefined): Promise<boolean>;
}

export function createPasswords(): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];
  const inLine = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= AT_ONCE) {
      if (waiting.length >= WAITING_MAX) throw new Problem('unavailable', { retryAfterS: 5 });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The place is handed on, so that nobody slips in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
  let nobody: Promise<string> | undefined;
  return {
    hash: (password) => inLine(() => hashPassword(password)),
    matches: (password, stored) =>
      inLine(async () => {
        nobody ??= hashPassword('nobody has this password');
        const isRight = await isPasswordOf(stored ?? (await nobody), password);
        return isRight && stored !== undefined;
      }),
  };
}
