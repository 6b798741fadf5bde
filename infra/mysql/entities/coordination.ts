import { EntitySchema } from 'typeorm';
import {
  exactText,
  hash,
  id,
  index,
  integer,
  json,
  nullable,
  primary,
  smallInteger,
  text,
  time,
  tinyInteger,
} from './columns';

/** One row: the generation every acceptance checks, and the lease of the rebuild. */
export const gate = new EntitySchema({
  name: 'gate',
  columns: {
    id: tinyInteger(primary),
    generation: integer(),
    lease_owner: text(64)(nullable),
    lease_until: time(nullable),
    rebuilt_at: time(nullable),
  },
});

/** A worker's right to be the only one; every write under it names the epoch. */
export const leases = new EntitySchema({
  name: 'leases',
  columns: { name: text(40)(primary), epoch: integer(), holder: text(64)(nullable), until: time() },
});

/** The stored answer to one key, written with the effect it tells of; promised for 24 hours, trimmed after a week. */
export const idempotencyKeys = new EntitySchema({
  name: 'idempotency_keys',
  columns: {
    member_id: id(primary),
    scope: text(100)(primary),
    idempotency_key: exactText(255)(primary),
    body_hash: hash({ charset: 'ascii' }),
    status: smallInteger(),
    body: json(),
    created_at: time(),
  },
  indices: [index('ix_idempotency_keys_age', ['created_at'])],
});
