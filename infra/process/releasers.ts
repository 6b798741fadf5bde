/** What a process has opened, released in reverse order: users before what they use. */
import type { Logger } from './logger';

export interface Releasers {
  /** Registers a release right after its acquisition; `name` appears in the log. */
  add(name: string, release: () => unknown): void;
  /**
   * Releases everything, last acquired first. One that fails is logged and does not keep the others;
   * a second call releases only what was added since.
   */
  releaseAll(): Promise<void>;
}

export function createReleasers(logger?: Logger): Releasers {
  const stack: { name: string; release: () => unknown }[] = [];
  return {
    add: (name, release) => void stack.push({ name, release }),
    releaseAll: async () => {
      for (let entry = stack.pop(); entry; entry = stack.pop()) {
        try {
          await entry.release();
        } catch (error) {
          logger?.error({ error, part: entry.name }, 'release failed');
        }
      }
    },
  };
}
