/** Looking at one check, and planting what it must find. */
import { type AuditDeps, type Offender, runAudit } from '../../../audit/audit';
import { CHECKS } from '../../../audit/index';
import { type AuditedShop, createAuditedShop } from './audited';

export interface Looks {
  /** Checks that are not ok. */
  violations(): Promise<readonly unknown[]>;
  /** What the named check finds, in an audit that must fail. */
  found(check: string, given?: Partial<AuditDeps>): Promise<readonly Offender[]>;
  /** A statement to plant or undo with. */
  sql(statement: string, ...values: (string | number)[]): () => Promise<unknown>;
}

export const createLooks = (shop: () => AuditedShop): Looks => ({
  violations: async () => (await runAudit(shop().deps, CHECKS)).checks.filter((check) => !check.ok),
  found: async (check, given = {}) => {
    const report = await runAudit({ ...shop().deps, ...given }, CHECKS);
    expect(report.ok).toBe(false);
    const result = report.checks.find(({ name }) => name.startsWith(`${check} `));
    expect(result?.error).toBeUndefined();
    return result?.offenders ?? [];
  },
  sql:
    (statement, ...values) =>
    () =>
      shop().gate.sql.change(statement, values),
});

/** Plants, looks, and undoes, also when the look fails. */
export async function whilePlanted(
  plant: () => Promise<unknown>,
  undo: () => Promise<unknown>,
  look: () => Promise<void>,
): Promise<void> {
  await plant();
  try {
    await look();
  } finally {
    await undo();
  }
}

/**
 * The shop of one test file, clean before and after each of its tests: what is found is what was planted.
 * @returns what looks at it; the shop itself is there once a test runs
 */
export function useAuditedShop(): Looks & { shop(): AuditedShop } {
  let shop: AuditedShop;
  const looks = createLooks(() => shop);
  const isClean = async (): Promise<void> => expect(await looks.violations()).toEqual([]);
  beforeAll(async () => {
    shop = await createAuditedShop();
  });
  beforeEach(isClean);
  afterEach(isClean);
  afterAll(() => shop.destroy());
  return { ...looks, shop: () => shop };
}
