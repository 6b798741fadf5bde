/** How many streams and waiting answers one client has open at this gateway: each keeps a connection, for long. */
import { Problem } from '../domain/errors';

export interface WaitingBound {
  /**
   * @param client the member, or for a ticket's holder its order
   * @returns what gives the place back
   * @throws Problem rate_limited when this client has `max` open already
   */
  enter(client: string): () => void;
}

export function createWaitingBound(max: number): WaitingBound {
  const open = new Map<string, number>();
  const leave = (client: string): void => {
    const left = (open.get(client) ?? 1) - 1;
    if (left > 0) open.set(client, left);
    else open.delete(client);
  };
  return {
    enter(client) {
      const count = open.get(client) ?? 0;
      if (count >= max) {
        throw new Problem('rate_limited', {
          detail: `${max} event streams or waiting answers are open already. Close one first.`,
        });
      }
      open.set(client, count + 1);
      return () => leave(client);
    },
  };
}
