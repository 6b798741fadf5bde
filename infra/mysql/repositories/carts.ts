/** Carts: what members mean to buy. A row is born by PUT, dies by DELETE or when an accepted order takes it. */
import type { DataSource } from 'typeorm';
import { inTransaction, sqlOf } from '../transaction';

export interface CartLine {
  readonly productId: string;
  readonly quantity: number;
}

export function createCartsRepository(source: DataSource) {
  const sql = sqlOf(source);
  return {
    lines: (memberId: string): Promise<readonly CartLine[]> =>
      sql.rows<CartLine>(
        'SELECT product_id AS productId, quantity FROM cart_items WHERE member_id = ? ORDER BY created_at, product_id',
        [memberId],
      ),

    /** `full`: the line would be new, and the cart holds `linesMax` already. */
    put(memberId: string, { productId, quantity }: CartLine, linesMax: number): Promise<'new' | 'changed' | 'full'> {
      return inTransaction(source, async (tx) => {
        const changed = await tx.change(
          'UPDATE cart_items SET quantity = ?, updated_at = UTC_TIMESTAMP(3) WHERE member_id = ? AND product_id = ?',
          [quantity, memberId, productId],
        );
        if (changed > 0) return 'changed';
        // Of new lines at once each must see the others: they take their turn at the member's row.
        await tx.rows('SELECT id FROM members WHERE id = ? FOR UPDATE', [memberId]);
        const lines = await tx.rows<{ productId: string }>(
          'SELECT product_id AS productId FROM cart_items WHERE member_id = ?',
          [memberId],
        );
        const isThere = lines.some((line) => line.productId === productId);
        if (!isThere && lines.length >= linesMax) return 'full';
        await tx.change(
          `INSERT INTO cart_items (member_id, product_id, quantity, created_at, updated_at)
           VALUES (?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))
           ON DUPLICATE KEY UPDATE quantity = ?, updated_at = UTC_TIMESTAMP(3)`,
          [memberId, productId, quantity, quantity],
        );
        return isThere ? 'changed' : 'new';
      });
    },

    async remove(memberId: string, productId: string): Promise<void> {
      await sql.change('DELETE FROM cart_items WHERE member_id = ? AND product_id = ?', [memberId, productId]);
    },
  };
}

export type CartsRepository = ReturnType<typeof createCartsRepository>;
