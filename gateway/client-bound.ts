/** How many of something each client has under way at this gateway. */
import type { Problem } from '../domain/errors';

export interface ClientBound {
  /**
   * @returns what gives the place back; call it once
   * @throws the refusal when this client has `max` already
   */
  enter(client: string): () => void;
}

export function createClientBound(max: number, refusal: () => Problem): ClientBound {
  const counts = new Map<string, number>();
  const leave = (client: string): void => {
    const left = (counts.get(client) ?? 1) - 1;
    if (left > 0) counts.set(client, left);
    else counts.delete(client);
  };
  return {
    enter(client) {
      const count = counts.get(client) ?? 0;
      if (count >= max) throw refusal();
      counts.set(client, count + 1);
      return () => leave(client);
    },
  };
}
