/** Connects the audit to the stores it reads. */
import { createDataSource } from '../infra/mysql/data-source';
import { inSnapshot, sqlOf } from '../infra/mysql/transaction';
import { type Config, requireSettings } from '../infra/process/config';
import { BULK, connectRedis, waitUntilReady } from '../infra/redis/connection';
import { createTemporal } from '../infra/temporal/client';
import { TEMPORAL_SETTINGS } from '../infra/temporal/connection';
import { readLife } from '../infra/temporal/starts';
import type { AuditDeps, ProviderCapture } from './audit';
import { type Observation, readObservations } from './observations';

export const AUDIT_SETTINGS = [
  'MYSQL_URL',
  'MYSQL_SOCKET',
  'REDIS_URL',
  'SHOP',
  'SANDBOX_URL',
  ...TEMPORAL_SETTINGS,
] as const;
type AuditConfig = Pick<Config, (typeof AUDIT_SETTINGS)[number]>;

const CONNECT_MS = 10_000;
/** the ledger of a big sale is read in a second or two */
const CAPTURES_MS = 20_000;

async function readCaptures(sandboxUrl: string): Promise<readonly ProviderCapture[]> {
  const response = await fetch(`${sandboxUrl}/sandbox/ledger`, { signal: AbortSignal.timeout(CAPTURES_MS) });
  if (!response.ok) throw new Error(`the sandbox's ledger answered ${response.status}`);
  return ((await response.json()) as { captures: ProviderCapture[] }).captures;
}

/**
 * @param observationsFile what buyers were told, if somebody wrote it down
 * @throws ConfigError without a sandbox: the provider's word is half of the audit
 */
export async function connectAudit(config: AuditConfig, observationsFile?: string) {
  const { SANDBOX_URL: sandboxUrl } = requireSettings(config, ['SANDBOX_URL']);
  const observations: Observation[] = observationsFile ? readObservations(observationsFile) : [];
  const source = await createDataSource({ ...config, MYSQL_POOL_SIZE: 2 }).initialize();
  const redis = connectRedis(config.REDIS_URL, BULK);
  await waitUntilReady(redis, CONNECT_MS);
  const temporal = createTemporal(config);
  const deps: AuditDeps = {
    sql: sqlOf(source),
    inSnapshot: (read) => inSnapshot(source, read),
    redis,
    shop: config.SHOP,
    isRunning: async (workflowId) => (await readLife(temporal, workflowId)) === 'running',
    captures: () => readCaptures(sandboxUrl),
    observations,
  };
  return {
    deps,
    async close() {
      redis.disconnect();
      await Promise.all([temporal.close(), source.destroy()]);
    },
  };
}
