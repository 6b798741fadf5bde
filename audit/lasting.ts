/**
 * What lasts during a sale. Stores are read one after the other while buyers buy, so a difference between them counts only
 * when it is there again in a second look, of things whose versions have not moved between, and no step of theirs is under
 * way. What MariaDB alone shows at one moment counts at once.
 */
import { gateKeys } from '../infra/redis/keys';
import type { AuditDeps, AuditReport, Check, Offender } from './audit';
import { CHECKS } from './index';

/** A final order's last steps (its hold, its refund) may take so long; I8's bound, counted from its last change. */
const SETTLED_S = 60;

/** Of the offenders of one look. A thing without a version (a total, a key) has none to move. */
export interface Versions {
  readonly orders: ReadonlyMap<string, { readonly version: number; readonly isSettled: boolean }>;
  /** of the gate's products: counts every change there */
  readonly products: ReadonlyMap<string, string>;
}

const idsOf = ({ checks }: AuditReport, name: 'orderId' | 'productId'): string[] => [
  ...new Set(
    checks.flatMap(({ offenders }) => offenders.flatMap(({ [name]: id }) => (typeof id === 'string' ? [id] : []))),
  ),
];

async function readOrderVersions({ sql }: AuditDeps, orderIds: readonly string[]): Promise<Versions['orders']> {
  if (orderIds.length === 0) return new Map();
  const rows = await sql.rows<{ id: string; version: number; isSettled: number | string }>(
    `SELECT o.id, o.version, o.status NOT IN ('QUEUED', 'PENDING_PAYMENT', 'REFUNDING')
       AND o.updated_at < UTC_TIMESTAMP(3) - INTERVAL ${SETTLED_S} SECOND
       AND NOT EXISTS (SELECT 1 FROM payments p
         WHERE p.order_id = o.id AND p.status IN ('CONFIRMING', 'UNKNOWN', 'REFUNDING')) AS isSettled
     FROM orders o WHERE o.id IN (?)`,
    [orderIds],
  );
  return new Map(rows.map(({ id, version, isSettled }) => [id, { version, isSettled: Number(isSettled) === 1 }]));
}

async function readProductVersions(
  { redis, shop }: AuditDeps,
  productIds: readonly string[],
): Promise<Versions['products']> {
  const versions = new Map<string, string>();
  if (productIds.length === 0) return versions;
  const keys = gateKeys(shop);
  const open = await redis.get(keys.gate);
  if (open === null) return versions;
  const { product } = keys.of(Number(open.split(':')[0]));
  for (const productId of productIds) {
    // A rebuild counts from the beginning: its generation is a part of the version.
    versions.set(productId, `${open} ${await redis.hget(product(productId), 'changes')}`);
  }
  return versions;
}

/** Versions of all that a report names. @throws when a store does not answer */
export const readVersions = async (deps: AuditDeps, report: AuditReport): Promise<Versions> => ({
  orders: await readOrderVersions(deps, idsOf(report, 'orderId')),
  products: await readProductVersions(deps, idsOf(report, 'productId')),
});

export interface Look {
  readonly report: AuditReport;
  /** read after the look: unmoved between two looks means unmoved during the second */
  readonly versions: Versions;
}

function hasMoved({ orderId, productId }: Offender, before: Versions, after: Versions): boolean {
  const isSame =
    before.orders.get(String(orderId))?.version === after.orders.get(String(orderId))?.version &&
    before.products.get(String(productId)) === after.products.get(String(productId));
  return !isSame;
}

const CHECK_OF: ReadonlyMap<string, Check> = new Map(CHECKS.map((check) => [check.name, check]));

/** Of a report, what MariaDB alone shows to be wrong. Checks that could not be made stay so. */
export function certain({ checks }: AuditReport): AuditReport {
  const sure = checks.map((check) => {
    const offenders = check.offenders.filter((each) => CHECK_OF.get(check.name)?.isExact?.(each));
    return { ...check, offenders, ok: offenders.length === 0 && check.error === undefined };
  });
  return { ok: sure.every(({ ok }) => ok), checks: sure };
}

/** What is wrong for certain, and offenders that a moment later are offenders still, unchanged, with nothing under way. */
export function lasting(before: Look, after: Look): AuditReport {
  const seen = new Map(
    before.report.checks.map((check) => [check.name, new Set(check.offenders.map((each) => JSON.stringify(each)))]),
  );
  const isUnderWay = (checkName: string, { orderId }: Offender): boolean =>
    CHECK_OF.get(checkName)?.atQuiet === true && after.versions.orders.get(String(orderId))?.isSettled === false;
  const checks = after.report.checks.map((check) => {
    const lasts = (each: Offender): boolean =>
      seen.get(check.name)?.has(JSON.stringify(each)) === true &&
      !hasMoved(each, before.versions, after.versions) &&
      !isUnderWay(check.name, each);
    const offenders = check.offenders.filter((each) => CHECK_OF.get(check.name)?.isExact?.(each) || lasts(each));
    return { ...check, offenders, ok: offenders.length === 0 && check.error === undefined };
  });
  return { ok: checks.every((check) => check.ok), checks };
}
