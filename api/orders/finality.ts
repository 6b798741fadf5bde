/**
 * Is "sold out" the last word? Only when MariaDB says that every unit on hand is sold; while units are held they may come back.
 * In a drop thousands ask at once: those who ask while a read is under way share the next one, so the answer is never
 * older than the question and MariaDB sees one read at a time per product.
 */
export function createFinality(isAllSold: (productId: string) => Promise<boolean>) {
  const running = new Map<string, Promise<boolean>>();
  const next = new Map<string, Promise<boolean>>();

  const start = (productId: string): Promise<boolean> => {
    const read = isAllSold(productId).finally(() => running.delete(productId));
    running.set(productId, read);
    return read;
  };

  return (productId: string): Promise<boolean> => {
    const underWay = running.get(productId);
    if (!underWay) return start(productId);
    const queued = next.get(productId);
    if (queued) return queued;
    const follow = underWay
      .catch(() => false)
      .then(() => {
        next.delete(productId);
        return start(productId);
      });
    next.set(productId, follow);
    return follow;
  };
}
