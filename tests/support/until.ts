/** Waiting in tests: on a condition, with a deadline, never for a fixed time. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Deadline {
  /** milliseconds */
  readonly within: number;
  /** what is waited for; in the error's text */
  readonly what: string;
}

const STEP_MS = 10;

/**
 * Resolves with the first truthy value of `condition`.
 * @throws when the deadline passes (with the condition's last error as cause)
 */
export async function until<T>(condition: () => T | Promise<T>, { within, what }: Deadline): Promise<NonNullable<T>> {
  const deadline = Date.now() + within;
  let cause: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(STEP_MS);
  } while (Date.now() < deadline);
  throw new Error(`not within ${within} ms: ${what}`, { cause });
}
