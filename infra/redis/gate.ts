/**
 * The gate, put together. "Closed" is an answer; an error means that Redis did not answer, and then whether a script ran
 * is not known: what was taken without a row in MariaDB is given back by its age.
 */
import type { Redis } from 'ioredis';
import type { Gate, ReadVerdict } from './gate-types';
import { createHolds } from './holds';
import { createOpenGate } from './open-gate';
import { createProducts, type ReadAdjustments } from './products';
import { createReserve } from './reserve';

export interface GateDeps {
  /** a connection of `connectRedis`; the gate verifies it by itself, again after each reconnect */
  readonly redis: Redis;
  readonly shop: string;
  /** the ledger's `holdVerdict` */
  readonly readVerdict: ReadVerdict;
  /** the ledger's `readAdjustments` */
  readonly readAdjustments: ReadAdjustments;
}

export function createGate({ redis, shop, readVerdict, readAdjustments }: GateDeps): Gate {
  const gate = createOpenGate(redis, shop);
  return {
    reserve: createReserve(gate),
    ...createHolds(gate, readVerdict),
    ...createProducts(gate, readAdjustments),
  };
}
