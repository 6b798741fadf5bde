/**
 * The gate, put together. "Closed" is an answer; an error means that Redis did not answer, and then whether a script ran
 * is not known: what was taken without a row in MariaDB is given back by its age.
 */
import type { Redis } from 'ioredis';
import type { Gate, ReadVerdict } from './gate-types';
import { createHolds } from './holds';
import { createOpenGate, type OpenGate } from './open-gate';
import { createProducts, type ReadAdjustments } from './products';
import { createReserve } from './reserve';

export interface GateReaders {
  /** the ledger's `holdVerdict` */
  readonly readVerdict: ReadVerdict;
  /** the ledger's `readAdjustments` */
  readonly readAdjustments: ReadAdjustments;
}
export interface GateDeps extends GateReaders {
  /** a connection of `connectRedis`; the gate verifies it by itself, again after each reconnect */
  readonly redis: Redis;
  readonly shop: string;
}

export const createGate = ({ redis, shop, ...readers }: GateDeps): Gate =>
  createGateOn(createOpenGate(redis, shop), readers);

/** For those who use the open gate beside its face: one verification serves both. */
export const createGateOn = (gate: OpenGate, { readVerdict, readAdjustments }: GateReaders): Gate => ({
  reserve: createReserve(gate),
  ...createHolds(gate, readVerdict),
  ...createProducts(gate, readAdjustments),
});
