/** What a client does whose call was not answered. */
import { setTimeout as pause } from 'node:timers/promises';

/** Whether nobody answered in time (a busy machine) or the engine takes no Update now and says so at once. */
const AGAIN_MS = 1_000;

/** The same call is made again, four times at most. @returns the last answer */
export async function untilHeard<T extends { readonly kind: string }>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const heard = await call();
    if (heard.kind !== 'unanswered' || tries === 5) return heard;
    await pause(AGAIN_MS);
  }
}
