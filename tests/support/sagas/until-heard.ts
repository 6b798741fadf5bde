/** What a client does that is told "come again". */
import { setTimeout as pause } from 'node:timers/promises';

/** An engine that takes no Update now says so at once: a client comes again a while later. */
const AGAIN_MS = 1_000;

/** On a busy machine an answer may take longer than a call waits: then the same call is made again, as a client would. */
export async function untilHeard<T extends { readonly kind: string }>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const heard = await call();
    if (heard.kind !== 'unanswered' || tries === 5) return heard;
    await pause(AGAIN_MS);
  }
}
