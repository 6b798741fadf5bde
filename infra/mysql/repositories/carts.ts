/** Carts: what members mean to buy. A row is born by PUT, dies by DELETE or when an accepted order takes it. */
import type { DataSource } from 'typeorm';
import { sqlOf } from '../transaction';

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

    /** @returns true when the line is new */
    async put(memberId: string, { productId, quantity }: CartLine): Promise<boolean> {
      // Matched rows tell whether the line was there; of two first PUTs at once both may say "new", and one line remains.
      const changed = await sql.change(
        'UPDATE cart_items SET quantity = ?, updated_at = UTC_TIMESTAMP(3) WHERE member_id = ? AND product_id = ?',
        [quantity, memberId, productId],
      );
      if (changed > 0) return false;
      await sql.change(
        `INSERT INTO cart_items (member_id, product_id, quantity, created_at, updated_at)
         VALUES (?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))
         ON DUPLICATE KEY UPDATE quantity = ?, updated_at = UTC_TIMESTAMP(3)`,
        [memberId, productId, quantity, quantity],
      );
      return true;
    },

    async remove(memberId: string, productId: string): Promise<void> {
      await sql.change('DELETE FROM cart_items WHERE member_id = ? AND product_id = ?', [memberId, productId]);
    },
  };
}

export type CartsRepository = ReturnType<typeof createCartsRepository>;
