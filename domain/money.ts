/** Money is a whole number of won; there is no smaller unit of KRW, so no rounding exists. */
export const CURRENCY = 'KRW';

export interface PricedLine {
  readonly quantity: number;
  /** won per unit, as the buyer saw it */
  readonly unitPrice: number;
}

/** Sum of quantity × unit price, in won. Exact below 2^53; schemas bound both factors far lower. */
export const totalOf = (lines: readonly PricedLine[]): number =>
  lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0);

/** What the provider shows to the buyer: the first product's name, and how many more there are. */
export const orderName = (names: readonly string[]): string => {
  const [first = '', ...rest] = names;
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
};
