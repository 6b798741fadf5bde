/**
 * A worker's right to be the only one of its kind: a row with an epoch. Whoever takes the lease raises the epoch, and
 * every write under it names its own: a holder that was paused too long changes nothing any more.
 */
import type { DataSource } from 'typeorm';
import { sqlOf } from './transaction';

export interface Lease {
  /** Takes or keeps the lease. @returns the epoch while it is ours, null while it is another's */
  hold(): Promise<number | null>;
  /** Lets the next holder begin at once. */
  release(): Promise<void>;
}

/** @param lifeMs a holder that does not come back for this long has lost it */
export function createLease(source: DataSource, name: string, holder: string, lifeMs: number): Lease {
  const sql = sqlOf(source);
  const until = `UTC_TIMESTAMP(3) + INTERVAL ${Math.round(lifeMs)} * 1000 MICROSECOND`;
  let made = false;
  return {
    async hold() {
      if (!made) {
        await sql.change(
          `INSERT INTO leases (name, epoch, holder, until) VALUES (?, 0, NULL, UTC_TIMESTAMP(3))
           ON DUPLICATE KEY UPDATE name = name`,
          [name],
        );
        made = true;
      }
      await sql.change(
        `UPDATE leases SET epoch = epoch + (holder IS NULL OR holder <> ?), holder = ?, until = ${until}
         WHERE name = ? AND (holder = ? OR holder IS NULL OR until < UTC_TIMESTAMP(3))`,
        [holder, holder, name, holder],
      );
      const [row] = await sql.rows<{ epoch: number }>('SELECT epoch FROM leases WHERE name = ? AND holder = ?', [
        name,
        holder,
      ]);
      return row?.epoch ?? null;
    },
    async release() {
      await sql.change('UPDATE leases SET holder = NULL WHERE name = ? AND holder = ?', [name, holder]);
    },
  };
}
