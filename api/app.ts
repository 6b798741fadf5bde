/** Composes the services this process runs. Each works alone: none imports or calls another. */
import { SERVICE_NAMES, type ServiceName } from '../domain/names';
import type { OperationRouter } from '../infra/http/operation-router';
import { ConfigError, requireSettings } from '../infra/process/config';
import { createSoldOutCell } from '../infra/redis/sold-out-cell';
import { TEMPORAL_SETTINGS } from '../infra/temporal/connection';
import { composeCarts } from './carts/compose';
import { composeMembers, MEMBERS_SETTINGS } from './members/compose';
import { composeOrders, ORDERS_SETTINGS } from './orders/compose';
import { type ApiParts, OF_MEMBERS } from './parts';
import { composePayments } from './payments/compose';
import { composeProducts } from './products/compose';

export interface ServiceModule {
  readonly router: OperationRouter;
  /** Ends what goes on behind answered requests. */
  stop?(): Promise<void>;
}

const MODULES: Readonly<Record<ServiceName, (parts: ApiParts) => ServiceModule | Promise<ServiceModule>>> = {
  members: ({ config, ...parts }) => {
    const ofMembers = requireSettings(config, OF_MEMBERS);
    return { router: composeMembers({ ...parts, config: ofMembers }) };
  },
  carts: (parts) => ({ router: composeCarts(parts) }),
  products: (parts) => ({ router: composeProducts(parts) }),
  orders: (parts) =>
    composeOrders({
      ...parts,
      soldOut: createSoldOutCell({ redis: parts.redis, subscriber: parts.subscriber(), shop: parts.config.SHOP }),
      newsRedis: parts.subscriber(),
    }),
  payments: (parts) => composePayments({ ...parts, newsRedis: parts.subscriber() }),
};

const isService = (name: string): name is ServiceName => SERVICE_NAMES.some((each) => each === name);

/** @throws ConfigError for a name that is no service */
export function parseServices(names: readonly string[]): ServiceName[] {
  const unknown = names.filter((name) => !isService(name));
  if (unknown.length > 0 || names.length === 0) {
    throw new ConfigError(
      `configuration:\n  SERVICES: ${unknown.join(', ') || 'none'}: choose from ${SERVICE_NAMES.join(', ')}`,
    );
  }
  return names.filter(isService);
}

export const composeServices = (parts: ApiParts, services: readonly ServiceName[]): Promise<ServiceModule[]> =>
  Promise.all(services.map(async (service) => MODULES[service](parts)));

/** What this process reads; which of them must be there depends on the services it runs. */
export const API_SETTINGS = [
  ...MEMBERS_SETTINGS,
  ...ORDERS_SETTINGS,
  ...TEMPORAL_SETTINGS,
  'MYSQL_URL',
  'MYSQL_SOCKET',
  'MYSQL_POOL_SIZE',
  'REDIS_URL',
  'PRINCIPAL_SECRET',
  'PROVIDER_URL',
  'PROVIDER_SECRET_KEY',
  'PROVIDER_TIMEOUT_MS',
  'PAYMENT_ATTEMPTS',
  'REGISTRY_TTL_MS',
  'SERVICES',
  'HOST',
  'PORT',
  'ADVERTISED_URL',
  'INSTANCE_ID',
  'LOG_LEVEL',
] as const;
