/** When things happen: a fixed plan of intended times, and bounded side-by-side work. */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * The intended time of the n-th checkout, in milliseconds after the start. Latencies count from here, so a
 * generator that falls behind shows up as latency instead of hiding it.
 */
export const intendedAt = (index: number, rate: number | undefined): number =>
  rate === undefined ? 0 : (index * 1_000) / rate;

/** Runs `work` for each item, at most `width` at once; rejects with the first error, after what runs has ended. */
export async function eachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | null = null;
  async function lane(): Promise<void> {
    while (next < items.length && !failure) {
      const item = items[next++] as T;
      await work(item).catch((error: unknown) => {
        failure ??= { error };
      });
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  const failed = failure as { readonly error: unknown } | null;
  if (failed) throw failed.error;
}

/** Waits until a monotonic time (as of performance.now()). */
export async function waitUntil(at: number): Promise<void> {
  const left = at - performance.now();
  if (left > 0) await pause(left);
}
