/** Work that may never answer: a connection that is lost without a word says nothing for as long as one waits. */
import { Problem } from '../../domain/errors';

/**
 * The work's outcome, or a refusal when it takes longer than `ms`: what comes of it then is nobody's any more.
 * @throws what `work` threw, or Problem('unavailable')
 */
export async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Problem('unavailable', { detail: 'The store does not answer' })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
